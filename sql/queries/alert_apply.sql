-- $1 jsonb: the actions of one transaction. Returns the number of alert events.
SELECT signal_apply($1::jsonb)

-- $1 jsonb: the actions of one transaction. Returns the number of alert events.
SELECT alert_apply($1::jsonb)

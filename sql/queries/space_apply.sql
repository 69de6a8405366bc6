-- $1 jsonb: actions of scans and hot spots. Alerts move, then what is known of them now is written beside them.
SELECT signal_apply($1::jsonb), alert_note($1::jsonb)

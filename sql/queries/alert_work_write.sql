-- One act on an alert: 0018_alert_work.sql says what comes back. $1 alert, $2 version seen, $3 kind of the event, $4 actor, $5 reason,
-- $6 acknowledged by, $7 assignee, $8 level, $9 snoozed until, $10 was, $11 effect, $12 what that says of the rule.
SELECT wardwatch.alert_act($1::text::bigint, $2::bigint, $3::text, $4::text, $5::text, $6::text, $7::text, $8::bigint, $9::text::timestamptz, $10::text,
                           $11::text, $12::text);

-- Up to when gauges below may still see what an alert was about: traced until then, though it has cleared.
SET LOCAL search_path = wardwatch, public;

ALTER TABLE alert_trace ADD COLUMN until timestamptz;
CREATE INDEX alert_trace_later ON alert_trace (as_of) WHERE until > as_of;

-- once
-- $1 rule, $2 version: that version and those after it, as they were: version, severity, code, detector, config, enabled, since when
-- (microseconds).
SELECT version, severity, code, detector, config::text, enabled, (extract(epoch FROM recorded_at) * 1000000)::bigint
FROM rule_version
WHERE rule_id = $1::int AND version >= $2::int
ORDER BY version

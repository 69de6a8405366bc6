-- once
-- $1 rule, $2 version: as it was: severity, code, detector, config.
SELECT severity, code, detector, config::text FROM rule_version WHERE rule_id = $1::int AND version = $2::int

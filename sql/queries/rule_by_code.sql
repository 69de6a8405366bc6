-- once
-- $1 code. id, version, severity, detector, config of a rule as it is now.
SELECT id, version, severity, detector, config::text FROM rule WHERE code = $1::text

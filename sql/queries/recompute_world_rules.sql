-- once
-- $1 a row of judge_world: its rules as they were: id, version, severity, code, detector, config.
SELECT v.rule_id, v.version, v.severity, v.code, v.detector, v.config::text
FROM judge_world w
CROSS JOIN LATERAL jsonb_array_elements(w.rules) AS r (pair)
JOIN rule_version v ON v.rule_id = (r.pair->>0)::int AND v.version = (r.pair->>1)::int
WHERE w.id = $1::bigint
ORDER BY v.rule_id

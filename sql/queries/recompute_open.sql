-- once
-- $1 a moment: the alerts about datastreams that were open then, by whose rule and about what they were then, as they opened: rule,
-- datastream, ward, severity, opened, count, last, peak.
SELECT coalesce((SELECT r.id FROM rule r WHERE r.code = later.before->>'rule'), a.rule_id),
       coalesce((later.before->>'subject')::bigint, a.subject_id), coalesce(a.ward_id, 0), a.severity,
       to_char(o.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), (o.detail->>'exceed_count')::bigint,
       (o.detail->>'value')::float8, (o.detail->>'peak_value')::float8
FROM alert a
CROSS JOIN LATERAL (SELECT e.at, e.detail FROM alert_event e
                    WHERE e.alert_id = a.id AND e.kind IN ('opened', 'raised') AND e.recorded_at < $1::timestamptz
                    ORDER BY e.id DESC LIMIT 1) o
LEFT JOIN LATERAL (SELECT e.detail->'before' AS before FROM alert_event e
                   WHERE e.alert_id = a.id AND e.kind = 'raised' AND e.recorded_at >= $1::timestamptz ORDER BY e.id LIMIT 1) later ON true
WHERE a.subject_kind = 'datastream'
  AND NOT EXISTS (SELECT FROM alert_event e WHERE e.alert_id = a.id AND e.kind = 'cleared' AND e.recorded_at < $1::timestamptz)
ORDER BY a.id

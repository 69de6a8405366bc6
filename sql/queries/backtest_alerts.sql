-- once
-- The same of openings of another rule's alerts, for a scan that counts them: $1 the rule's code, $2, $3, $4 as in backtest_events.sql.
-- Rows without a thing and without a flag only say that somebody was heard then: of every hour the first and the last message.
SELECT c.at, t.id, a.ward_id, ST_X(t.geom), ST_Y(t.geom), a.opened_at, 1::float8, 'N'::"char",
       NULL::float8, NULL::"char", NULL::int, NULL::float8, NULL::float8
FROM alert a
JOIN rule r ON r.id = a.rule_id
LEFT JOIN datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
LEFT JOIN thing t ON t.id = CASE a.subject_kind WHEN 'thing' THEN a.subject_id ELSE d.thing_id END
CROSS JOIN LATERAL (SELECT CASE WHEN $4::boolean THEN a.opened_at ELSE a.detected_at END AS at) c
WHERE r.code = $1::text AND a.opened_at >= $2::timestamptz AND c.at < $3::timestamptz
UNION ALL
SELECT e.at, NULL, NULL, NULL, NULL, e.at, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM (SELECT min(m.received_at) AS first, max(m.received_at) AS last
      FROM raw_message m
      WHERE m.received_at >= $2::timestamptz AND m.received_at < $3::timestamptz
      GROUP BY date_trunc('hour', m.received_at)) h
CROSS JOIN LATERAL (VALUES (h.first), (h.last)) e (at)
ORDER BY 1

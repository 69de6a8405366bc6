-- The same of openings of another rule's alerts. $1 the rule's code, $2 int days, $3 now, $4 only what was known with that alert event,
-- $5 things as they were then ('infinity': as they are). At last: the newest alert event, NULL, …
-- An alert that another rule took over later was this rule's until then.
WITH zone AS (
    SELECT coalesce((SELECT value->>'time_zone' FROM setting WHERE key = 'district'), 'UTC') AS name
), alerts AS (
    SELECT a.opened_at, a.ward_id, coalesce(l.before->>'subject_kind', a.subject_kind) AS subject_kind,
           coalesce((l.before->>'subject')::bigint, a.subject_id) AS subject_id
    FROM zone z, alert a
    JOIN rule r ON r.id = a.rule_id
    LEFT JOIN LATERAL (SELECT e.detail->'before' AS before FROM alert_event e
                       WHERE e.alert_id = a.id AND e.kind = 'raised' AND e.id > $4::bigint ORDER BY e.id LIMIT 1) l ON true
    WHERE coalesce(l.before->>'rule', r.code) = $1::text
      AND a.opened_at >= (date_trunc('day', $3::timestamptz AT TIME ZONE z.name) - make_interval(days => $2::int - 1)) AT TIME ZONE z.name
      AND NOT EXISTS (SELECT FROM alert_event e WHERE e.alert_id = a.id AND e.kind = 'opened' AND e.id > $4::bigint)
)
SELECT t.id, a.ward_id, ST_X(t.geom), ST_Y(t.geom), (a.opened_at AT TIME ZONE z.name)::date - date '1970-01-01', count(*)
FROM zone z, alerts a
LEFT JOIN datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
LEFT JOIN things_at($5::timestamptz) t ON t.id = CASE a.subject_kind WHEN 'thing' THEN a.subject_id ELSE d.thing_id END
GROUP BY t.id, a.ward_id, t.geom, 5
UNION ALL
SELECT coalesce((SELECT max(id) FROM alert_event), 0), NULL, NULL, NULL, NULL, coalesce((SELECT max(id) FROM raw_message), 0)

-- The same of openings of another rule's alerts. $1 the rule's code, $2 int days.
WITH zone AS (
    SELECT coalesce((SELECT value->>'time_zone' FROM setting WHERE key = 'district'), 'UTC') AS name
)
SELECT t.id, a.ward_id, ST_X(t.geom), ST_Y(t.geom), (a.opened_at AT TIME ZONE z.name)::date - date '1970-01-01', count(*)
FROM zone z, alert a
JOIN rule r ON r.id = a.rule_id
LEFT JOIN datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
LEFT JOIN thing t ON t.id = CASE a.subject_kind WHEN 'thing' THEN a.subject_id ELSE d.thing_id END
WHERE r.code = $1::text
  AND a.opened_at >= (date_trunc('day', now() AT TIME ZONE z.name) - make_interval(days => $2::int - 1)) AT TIME ZONE z.name
GROUP BY t.id, a.ward_id, t.geom, 5

-- The alert about pollution that waits for its trace the longest: on a water, or of air when somebody measures the wind. Open, or cleared while gauges
-- below may still see what passed: such a one is traced once more after that, for good.
-- alert, thing, property, whether it is air, opened, cleared (microseconds; NULL: it is open).
WITH waiting AS (
    SELECT a.id, x.as_of
    FROM alert a
    LEFT JOIN alert_trace x ON x.alert_id = a.id
    WHERE a.state = 'open' AND a.category = 'pollution' AND a.subject_kind IN ('thing', 'datastream')
      AND (x.as_of IS NULL OR x.as_of < now() - interval '10 minutes')
    UNION ALL
    SELECT a.id, x.as_of
    FROM alert_trace x
    JOIN alert a ON a.id = x.alert_id
    WHERE x.until > x.as_of AND x.as_of < now() - interval '10 minutes' AND a.state = 'cleared'
), due AS (
    SELECT a.id, a.opened_at, a.cleared_at, coalesce(a.property_id, l.property_id) AS property_id,
           CASE a.subject_kind WHEN 'thing' THEN a.subject_id WHEN 'datastream' THEN d.thing_id END AS thing_id, w.as_of
    FROM waiting w
    JOIN alert a ON a.id = w.id
    LEFT JOIN limit_value l ON l.id = a.limit_value_id
    LEFT JOIN datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
)
SELECT due.id, t.id, p.code, k.air, (extract(epoch FROM due.opened_at) * 1000000)::bigint, (extract(epoch FROM due.cleared_at) * 1000000)::bigint
FROM due
JOIN thing t ON t.id = due.thing_id
JOIN observed_property p ON p.id = due.property_id
CROSS JOIN LATERAL (SELECT p.unit IN ('ug/m3', 'mg/m3', 'ppm', 'ppb') OR p.code LIKE '%odour%' AS air) k
WHERE t.geom IS NOT NULL
  AND CASE WHEN k.air THEN EXISTS (SELECT FROM datastream w JOIN observed_property wp ON wp.id = w.property_id
                                   WHERE wp.code = 'wind_direction')
           ELSE EXISTS (SELECT FROM waterway r WHERE ST_DWithin(r.geom, t.geom, 0.004)) END
ORDER BY due.as_of NULLS FIRST, due.id
LIMIT 1

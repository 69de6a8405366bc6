-- The open alert about pollution that waits for its trace the longest: on a water, or of air when somebody measures the wind.
-- alert, thing, property, whether it is air, opened (microseconds).
WITH due AS (
    SELECT a.id, a.opened_at, coalesce(a.property_id, l.property_id) AS property_id,
           CASE a.subject_kind WHEN 'thing' THEN a.subject_id WHEN 'datastream' THEN d.thing_id END AS thing_id, x.as_of
    FROM alert a
    LEFT JOIN limit_value l ON l.id = a.limit_value_id
    LEFT JOIN datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
    LEFT JOIN alert_trace x ON x.alert_id = a.id
    WHERE a.state = 'open' AND a.category = 'pollution' AND a.subject_kind IN ('thing', 'datastream')
      AND (x.as_of IS NULL OR x.as_of < now() - interval '10 minutes')
)
SELECT due.id, t.id, p.code, k.air, (extract(epoch FROM due.opened_at) * 1000000)::bigint
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

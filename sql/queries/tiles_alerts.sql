-- For the live map: alerts above id $1, at most $2: the open ones, or ($3 not NULL) those that had an event above id $3,
-- open or not. Last column: the newest event there is, before the alerts were read.
WITH newest AS (SELECT coalesce(max(id), 0) AS id FROM wardwatch.alert_event)
SELECT a.id, a.state, a.severity, a.category, a.detector, r.code, r.name_zh, r.name_en, p.code, coalesce(a.ward_id, 0), w.code,
       coalesce(t.id, 0), t.key, (extract(epoch FROM a.opened_at) * 1000)::bigint, a.last_value, ST_X(g.geom), ST_Y(g.geom),
       (SELECT id FROM newest)
FROM (SELECT x.*
      FROM wardwatch.alert x
      WHERE x.id > $1::bigint
        AND CASE WHEN $3::bigint IS NULL THEN x.state = 'open'
                 ELSE x.id IN (SELECT e.alert_id FROM wardwatch.alert_event e WHERE e.id > $3::bigint) END
      ORDER BY x.id
      LIMIT $2::bigint) a
JOIN wardwatch.rule r ON r.id = a.rule_id
LEFT JOIN wardwatch.limit_value l ON l.id = a.limit_value_id
LEFT JOIN wardwatch.observed_property p ON p.id = coalesce(a.property_id, l.property_id)
LEFT JOIN wardwatch.ward w ON w.id = a.ward_id
LEFT JOIN wardwatch.datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
LEFT JOIN wardwatch.thing t ON t.id = CASE a.subject_kind WHEN 'thing' THEN a.subject_id ELSE d.thing_id END
LEFT JOIN wardwatch.site s ON s.id = CASE a.subject_kind WHEN 'site' THEN a.subject_id ELSE t.site_id END
CROSS JOIN LATERAL (SELECT coalesce(t.geom, s.geom, w.seat, ST_PointOnSurface(w.geom)) AS geom) g
ORDER BY a.id;

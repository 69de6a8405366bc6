-- Rules, and what people found their alerts to be: the newest outcome of each alert that the reader sees.
-- $1 wards (rules have none), $2 after, $3 limit, $4 with geometry; $5 code.
WITH newest AS MATERIALIZED (
    SELECT a.rule_id, n.outcome, n.was
    FROM (SELECT DISTINCT ON (u.alert_id) u.alert_id, u.outcome, u.was FROM wardwatch.alert_outcome u ORDER BY u.alert_id, u.id DESC) n
    JOIN wardwatch.alert a ON a.id = n.alert_id)
SELECT r.id::text,
       json_build_object('code', r.code, 'version', r.version, 'name_zh', r.name_zh, 'name_en', r.name_en,
                         'detector', r.detector, 'severity', r.severity, 'enabled', r.enabled, 'config', r.config,
                         'outcomes', json_build_object('confirmed', o.confirmed, 'false', o.wrong, 'unknown', o.unknown, 'was', coalesce(w.was, '{}')),
                         'precision', round(o.confirmed::numeric / nullif(o.confirmed + o.wrong, 0), 3))::text,
       NULL
FROM wardwatch.rule r
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE n.outcome = 'confirmed') AS confirmed, count(*) FILTER (WHERE n.outcome = 'false') AS wrong,
                           count(*) FILTER (WHERE n.outcome = 'unknown') AS unknown
                    FROM newest n
                    WHERE n.rule_id = r.id) o
CROSS JOIN LATERAL (SELECT json_object_agg(g.was, g.n ORDER BY g.was) AS was
                    FROM (SELECT n.was, count(*) AS n FROM newest n WHERE n.rule_id = r.id AND n.was <> '' GROUP BY n.was) g) w
WHERE ($1::int[] IS NULL OR true) AND NOT $4::boolean
  AND ($2::text IS NULL OR r.id > $2::text::int)
  AND ($5::text IS NULL OR r.code = $5::text)
ORDER BY r.id
LIMIT $3::bigint;

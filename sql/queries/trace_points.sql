-- Sites, and things that measure a property ($1), within 0.4 degrees of a thing ($2). kind, id, code or key, names, longitude, latitude;
-- of things: their site's code ('': of none) and the column of the standard that they are judged by.
WITH here AS (SELECT ST_Expand(geom, 0.4) AS box FROM thing WHERE id = $2::bigint)
SELECT 'site', s.id, s.code, s.name_zh, s.name_en, ST_X(s.geom), ST_Y(s.geom), '', '' FROM site s, here WHERE s.geom && here.box
UNION ALL
SELECT 'thing', t.id, t.key, t.name_zh, t.name_en, ST_X(t.geom), ST_Y(t.geom), coalesce(o.code, ''), t.limit_class
FROM here, thing t LEFT JOIN site o ON o.id = t.site_id
WHERE t.geom && here.box
  AND EXISTS (SELECT FROM datastream d JOIN observed_property p ON p.id = d.property_id
              WHERE d.thing_id = t.id AND p.code = $1::text AND d.statistic = '')
ORDER BY 1, 2
LIMIT 20000

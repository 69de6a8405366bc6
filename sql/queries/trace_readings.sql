-- Three days of a property ($1) around a thing ($2), in the order of time: thing, time (microseconds), value. Flags of stopped, maintained
-- and calibrated instruments are left out.
WITH here AS (SELECT ST_Expand(geom, 0.4) AS box FROM thing WHERE id = $2::bigint)
SELECT d.thing_id, (extract(epoch FROM o.phenomenon_time) * 1000000)::bigint, o.value
FROM thing t
JOIN here ON t.geom && here.box
JOIN datastream d ON d.thing_id = t.id AND d.statistic = ''
JOIN observed_property p ON p.id = d.property_id AND p.code = $1::text
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (phenomenon_time, interval_s) phenomenon_time, value, flag
    FROM observation
    WHERE datastream_id = d.id AND phenomenon_time > now() - interval '3 days'
    ORDER BY phenomenon_time DESC, interval_s DESC, version DESC
    OFFSET 0) o
WHERE o.flag = 'N'
ORDER BY o.phenomenon_time
LIMIT 200000

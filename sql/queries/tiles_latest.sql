-- For the live map and /api/v1/latest: datastreams above id $1, at most $2, each with its newest reading (time in microseconds,
-- value, flag). Of a thing in a ward only what was measured in that ward, and not found later to have been measured elsewhere
-- (observation_moved): who sees the thing may see that. The count keeps that a look into the index for each row that is met.
SELECT d.id, d.thing_id, p.code, d.statistic, d.interval_s, (extract(epoch FROM o.phenomenon_time) * 1000000)::bigint, o.value,
       o.flag, p.unit, p.name_zh, p.name_en
FROM (SELECT * FROM wardwatch.datastream WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint) d
JOIN wardwatch.thing t ON t.id = d.thing_id
JOIN wardwatch.observed_property p ON p.id = d.property_id
LEFT JOIN LATERAL (SELECT x.phenomenon_time, x.value, x.flag
                   FROM wardwatch.observation x
                   WHERE x.datastream_id = d.id AND (t.ward_id IS NULL OR x.ward_id = t.ward_id)
                     AND (SELECT count(*) = 0
                          FROM wardwatch.observation_moved m
                          WHERE m.datastream_id = x.datastream_id AND m.phenomenon_time = x.phenomenon_time
                            AND m.interval_s = x.interval_s AND m.version = x.version)
                   ORDER BY x.phenomenon_time DESC, x.interval_s DESC, x.version DESC
                   LIMIT 1) o ON true
ORDER BY d.id;

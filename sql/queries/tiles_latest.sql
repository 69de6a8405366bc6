-- For the live map: datastreams above id $1, at most $2, each with its newest reading (time in microseconds, value). Of a
-- thing in a ward only what was measured in that ward: who sees the thing may see that.
SELECT d.id, d.thing_id, p.code, d.statistic, d.interval_s, (extract(epoch FROM o.phenomenon_time) * 1000000)::bigint, o.value
FROM (SELECT * FROM wardwatch.datastream WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint) d
JOIN wardwatch.thing t ON t.id = d.thing_id
JOIN wardwatch.observed_property p ON p.id = d.property_id
LEFT JOIN LATERAL (SELECT x.phenomenon_time, x.value
                   FROM wardwatch.observation x
                   WHERE x.datastream_id = d.id AND (t.ward_id IS NULL OR x.ward_id = t.ward_id)
                   ORDER BY x.phenomenon_time DESC, x.interval_s DESC, x.version DESC
                   LIMIT 1) o ON true
ORDER BY d.id;

-- $1 bigint: last id seen. id, feed_id and key of its thing, property_id, statistic, interval_s, expected_step_s (0 = unknown)
SELECT d.id, t.feed_id, t.key, d.property_id, d.statistic, d.interval_s, coalesce(d.expected_step_s, 0)
FROM datastream d
JOIN thing t ON t.id = d.thing_id
WHERE d.id > $1::bigint
ORDER BY d.id
LIMIT 5000

-- $1 bigint: last id seen. Muted signals of datastreams that have not ended, as the judge continues them.
SELECT m.id, m.rule_id, t.feed_id, t.key, d.property_id, d.statistic, d.interval_s, m.n_readings, coalesce(m.peak_value, 0)
FROM muted_signal m
JOIN datastream d ON d.id = m.subject_id
JOIN thing t ON t.id = d.thing_id
WHERE m.ended_at IS NULL AND m.subject_kind = 'datastream' AND m.id > $1::bigint
ORDER BY m.id
LIMIT 5000

-- $1 bigint: last id seen. Open alerts of datastreams, as the judge continues them.
SELECT a.id, a.rule_id, t.feed_id, t.key, d.property_id, a.exceed_count, a.peak_value,
       (extract(epoch FROM a.peak_at) * 1000000)::bigint, (extract(epoch FROM a.last_exceeded_at) * 1000000)::bigint,
       d.statistic, d.interval_s
FROM alert a
JOIN datastream d ON d.id = a.subject_id
JOIN thing t ON t.id = d.thing_id
WHERE a.state = 'open' AND a.subject_kind = 'datastream' AND a.id > $1::bigint
ORDER BY a.id
LIMIT 5000

-- $1 bigint: last id seen. Open alerts of things and feeds: id, rule, whether of a feed, subject, opened (microseconds), how many.
SELECT id, rule_id, subject_kind = 'feed', subject_id, (extract(epoch FROM opened_at) * 1000000)::bigint, exceed_count
FROM alert
WHERE state = 'open' AND subject_kind IN ('thing', 'feed') AND category = 'sensor' AND id > $1::bigint
ORDER BY id
LIMIT 5000

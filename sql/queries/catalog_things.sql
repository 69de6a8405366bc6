-- $1 bigint: last id seen.
-- The column before the last: how often it should send, as its own property expected_step_s says; 0 = it does not.
SELECT id, feed_id, key, class, limit_class, ward_id, raw_x, raw_y,
       CASE WHEN properties->>'expected_step_s' ~ '^[1-9][0-9]{0,7}$' THEN (properties->>'expected_step_s')::int ELSE 0 END,
       coalesce(site_id, 0)
FROM thing
WHERE id > $1::bigint
ORDER BY id
LIMIT 5000

-- once
-- $1 bigint: last id seen, $2 a moment. As catalog_things, as they were then.
SELECT id, feed_id, key, class, limit_class, ward_id, raw_x, raw_y,
       CASE WHEN properties->>'expected_step_s' ~ '^[1-9][0-9]{0,7}$' THEN (properties->>'expected_step_s')::int ELSE 0 END,
       coalesce(site_id, 0)
FROM things_at($2::timestamptz)
WHERE id > $1::bigint
ORDER BY id
LIMIT 5000

-- $1 bigint: last id seen.
SELECT id, feed_id, key, class, limit_class, ward_id, raw_x, raw_y FROM thing WHERE id > $1::bigint ORDER BY id LIMIT 5000

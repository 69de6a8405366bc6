-- once
-- $1 int[] feeds, $2 from (inclusive), $3 to (not): their messages in the order in which they came in: when received, feed, content type,
-- bytes as zstd (of a repeat: those of the first; NULL: not kept), whether all of its values were known already.
SELECT m.received_at, m.feed_id, m.content_type,
       coalesce(m.body_zstd, (SELECT f.body_zstd FROM raw_message f
                              WHERE f.sha256 = m.sha256 AND f.feed_id = m.feed_id AND f.body_zstd IS NOT NULL LIMIT 1)),
       m.duplicates > 0 AND m.stored = 0
FROM raw_message m
WHERE m.feed_id = ANY ($1::int[]) AND m.received_at >= $2::timestamptz AND m.received_at < $3::timestamptz
ORDER BY m.received_at, m.id

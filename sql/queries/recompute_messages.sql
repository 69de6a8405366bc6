-- once
-- $1 feed, $2 from, $3 to (both inclusive): its messages in the order in which they came in: when received (microseconds),
-- content type, bytes as zstd (of a repeat: those of the first; NULL: not kept).
SELECT (extract(epoch FROM m.received_at) * 1000000)::bigint, m.content_type,
       coalesce(m.body_zstd, (SELECT f.body_zstd FROM raw_message f
                              WHERE f.sha256 = m.sha256 AND f.feed_id = m.feed_id AND f.body_zstd IS NOT NULL LIMIT 1))
FROM raw_message m
WHERE m.feed_id = $1::int AND m.received_at BETWEEN $2::timestamptz AND $3::timestamptz
ORDER BY m.received_at, m.id

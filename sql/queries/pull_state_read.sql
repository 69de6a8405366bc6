-- Where a pulled feed stands. $1 feed, $2 what the position belongs to (a hash of address and paging).
SELECT p.etag, p.last_modified, p.cursor, (extract(epoch FROM p.updated_at) * 1000000)::bigint
FROM wardwatch.pull_state p
JOIN wardwatch.feed f ON f.id = p.feed_id
WHERE f.name = $1::text AND p.source = $2::text

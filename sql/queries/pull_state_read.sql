-- Where a pulled feed stands. $1 feed, $2 what the position belongs to (a hash of address and paging). The error is the feed's, whatever
-- its position belonged to.
SELECT CASE WHEN mine THEN p.etag ELSE '' END, CASE WHEN mine THEN p.last_modified ELSE '' END, CASE WHEN mine THEN p.cursor ELSE '' END,
       CASE WHEN mine THEN (extract(epoch FROM p.updated_at) * 1000000)::bigint ELSE 0 END, p.last_error
FROM wardwatch.pull_state p
JOIN wardwatch.feed f ON f.id = p.feed_id
CROSS JOIN LATERAL (SELECT p.source = $2::text AS mine) m
WHERE f.name = $1::text

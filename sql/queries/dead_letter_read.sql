-- One dead letter as it must be to be read again ($1 id), with its feed's own format.
SELECT f.name, l.state, l.raw, l.header, l.content_type, coalesce(f.config ->> 'format', 'auto')
FROM wardwatch.dead_letter l
JOIN wardwatch.feed f ON f.id = l.feed_id
WHERE l.id = $1::bigint;

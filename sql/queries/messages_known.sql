-- $1 text[]: hex SHA-256 of messages that may be repeats. Returns feed_id, hex of those that were committed before.
SELECT DISTINCT m.feed_id, encode(m.sha256, 'hex')
FROM raw_message m
WHERE m.sha256 = ANY (ARRAY(SELECT decode(h, 'hex') FROM unnest($1::text[]) AS h))

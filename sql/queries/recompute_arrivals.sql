-- once
-- $1 bigint[] datastreams that registered themselves while a server judged, $2 after that message, $3 to that one: each with the first
-- message that brought a reading of it.
SELECT o.datastream_id, min(o.raw_message_id)
FROM unnest($1::bigint[]) AS d (id)
JOIN observation o ON o.datastream_id = d.id
WHERE o.raw_message_id > $2::bigint AND o.raw_message_id <= $3::bigint
GROUP BY o.datastream_id
ORDER BY 2, 1

-- once
-- $1 bigint[] datastreams, $2 after that message, $3 to that one: all that came in of them, in the order in which it was judged,
-- superseded versions too. Datastream, time, interval_s, value, flag, ward_id, message.
SELECT o.datastream_id, (extract(epoch FROM o.phenomenon_time) * 1000000)::bigint, o.interval_s, o.value, o.flag, o.ward_id, o.raw_message_id
FROM unnest($1::bigint[]) AS d (id)
JOIN observation o ON o.datastream_id = d.id
WHERE o.raw_message_id > $2::bigint AND o.raw_message_id <= $3::bigint
ORDER BY o.raw_message_id, o.phenomenon_time, o.interval_s, o.datastream_id, o.version

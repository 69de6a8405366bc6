-- once
-- $1 bigint[] datastreams: all that was ever known of them, in the order in which it came in, superseded versions too. Place in
-- the array (from 1), time, interval_s, value, flag, ward_id, message, when that was received (microseconds).
SELECT d.nth, (extract(epoch FROM o.phenomenon_time) * 1000000)::bigint, o.interval_s, o.value, o.flag, o.ward_id,
       o.raw_message_id, (extract(epoch FROM m.received_at) * 1000000)::bigint
FROM unnest($1::bigint[]) WITH ORDINALITY AS d (id, nth)
JOIN observation o ON o.datastream_id = d.id
JOIN raw_message m ON m.id = o.raw_message_id
ORDER BY o.raw_message_id, o.phenomenon_time, o.interval_s, o.version, d.nth

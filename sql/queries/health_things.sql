-- $1 bigint: last id seen. What is known of things: id, state, silent since, last received, newest phenomenon time (microseconds), memory.
SELECT thing_id, state, (extract(epoch FROM silent_since) * 1000000)::bigint,
       (extract(epoch FROM last_received_at) * 1000000)::bigint, (extract(epoch FROM last_phenomenon_at) * 1000000)::bigint,
       memory::text
FROM thing_health
WHERE thing_id > $1::bigint
ORDER BY thing_id
LIMIT 5000

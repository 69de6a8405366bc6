-- What other servers than $1 have heard of since $2 (microseconds); columns as in health_things.
SELECT thing_id, state, (extract(epoch FROM silent_since) * 1000000)::bigint,
       (extract(epoch FROM last_received_at) * 1000000)::bigint, (extract(epoch FROM last_phenomenon_at) * 1000000)::bigint,
       memory::text
FROM thing_health
WHERE server <> $1::text AND as_of > 'epoch'::timestamptz + $2::bigint * interval '1 microsecond'

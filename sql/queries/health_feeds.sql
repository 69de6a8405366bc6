-- What is known of feeds; columns as in health_things.
SELECT feed_id, state, (extract(epoch FROM silent_since) * 1000000)::bigint,
       (extract(epoch FROM last_received_at) * 1000000)::bigint, (extract(epoch FROM last_phenomenon_at) * 1000000)::bigint
FROM feed_health

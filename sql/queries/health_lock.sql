-- Whether this connection is (or becomes) the one that judges silence and clocks, and when any server wrote last, in microseconds.
SELECT pg_try_advisory_lock(hashtext('wardwatch.health')),
       (SELECT (extract(epoch FROM max(at)) * 1000000)::bigint FROM health_server)

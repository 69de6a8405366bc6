-- once
-- From which message on do the clocks of some senders know what they knew? $1 feed, $2 thing (0: all of the feed), $3 a moment.
-- The moment (microseconds) at which the 40th newest of its messages before $3 was received, the earliest of all things asked for;
-- NULL: it sent fewer, or nothing.
SELECT (extract(epoch FROM min(n.received_at)) * 1000000)::bigint
FROM thing t
CROSS JOIN LATERAL (
    SELECT min(x.received_at) AS received_at
    FROM (SELECT DISTINCT m.received_at
          FROM datastream d
          CROSS JOIN LATERAL (SELECT o.raw_message_id FROM observation o
                              WHERE o.datastream_id = d.id AND o.phenomenon_time <= $3::timestamptz + interval '1 day'
                              ORDER BY o.phenomenon_time DESC LIMIT 200) o
          JOIN raw_message m ON m.id = o.raw_message_id
          WHERE d.thing_id = t.id AND m.received_at <= $3::timestamptz
          ORDER BY 1 DESC
          LIMIT 40) x) n
WHERE t.feed_id = $1::int AND ($2::bigint = 0 OR t.id = $2::bigint)

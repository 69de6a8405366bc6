-- Which stations are to be looked at before the next round: those that connected or restarted, and those whose request
-- for history has ended. $1 bigint: last event seen, NULL at the start. Returns the newest event and the MNs as an
-- array, NULL when there are none.
WITH fresh AS MATERIALIZED (
    SELECT e.id, e.mn, e.kind FROM wardwatch.station_event e WHERE e.id > $1::bigint ORDER BY e.id LIMIT 10000
), due AS (
    (SELECT mn FROM fresh WHERE kind IN ('connected', 'restarted'))
    UNION
    (SELECT g.mn
     FROM wardwatch.station_gap g
     JOIN wardwatch.station_command c ON c.id = g.command_id
     WHERE g.state = 'asked' AND c.finished_at IS NOT NULL
     LIMIT 5000)
)
SELECT coalesce((SELECT max(id) FROM fresh), $1::bigint, (SELECT max(id) FROM wardwatch.station_event), 0),
       (SELECT array_agg(mn ORDER BY mn)::text FROM due);

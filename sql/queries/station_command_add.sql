-- Queues a command: $1 mn, $2 cn, $3 fields, $4 who. No more than 100 wait for one station.
-- Returns a row when there is such a station: whether it is enabled, how many wait, and the new command's id (NULL: none).
WITH station AS MATERIALIZED (
    SELECT s.mn, s.enabled,
           (SELECT count(*) FROM wardwatch.station_command c WHERE c.mn = s.mn AND c.state = 'queued') AS waiting
    FROM wardwatch.station s
    WHERE s.mn = $1::text
), added AS (
    INSERT INTO wardwatch.station_command (mn, cn, fields, requested_by)
    SELECT mn, $2::int, $3::jsonb, $4::text FROM station WHERE enabled AND waiting < 100
    RETURNING id
)
SELECT s.enabled, s.waiting, a.id FROM station s LEFT JOIN added a ON true;

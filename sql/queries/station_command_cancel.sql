-- Cancels a command that still waits: $1 id, $2 who. No row when there is none; its state before.
WITH before AS MATERIALIZED (
    SELECT id, state FROM wardwatch.station_command WHERE id = $1::bigint
), cancelled AS (
    UPDATE wardwatch.station_command c
    SET state = 'cancelled', finished_at = now(), reason = 'cancelled by ' || $2::text
    FROM before b
    WHERE c.id = b.id AND c.state = 'queued'
    RETURNING c.id
)
SELECT b.state, c.id IS NOT NULL FROM before b LEFT JOIN cancelled c ON c.id = b.id;

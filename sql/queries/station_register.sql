-- Stations that register themselves. $1 jsonb: [{"mn", "feed_id", "config"}, …]. Those that are there stay as they are.
WITH added AS (
    INSERT INTO station (mn, feed_id, config, registered)
    SELECT DISTINCT ON (r.mn) r.mn, r.feed_id, r.config, 'self'
    FROM jsonb_to_recordset($1::jsonb) AS r(mn text, feed_id integer, config jsonb)
    JOIN feed f ON f.id = r.feed_id
    ORDER BY r.mn
    ON CONFLICT (mn) DO NOTHING
    RETURNING mn
)
INSERT INTO station_event (mn, kind)
SELECT mn, 'registered' FROM added

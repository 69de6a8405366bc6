-- Asks each connected station for its oldest gap that is due, unless a request for history is on its way already.
-- $1 text: only these MNs, as an array, or NULL. Returns how many were asked.
WITH locked AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('wardwatch.station_gaps')) AS ok
), due AS MATERIALIZED (
    SELECT DISTINCT ON (g.mn) g.mn, g.cn, g.begin_at, g.end_at
    FROM wardwatch.station_gap g
    LEFT JOIN unnest($1::text[]) AS only_these (mn) ON only_these.mn = g.mn
    WHERE g.state = 'open' AND g.not_before <= now() AND ($1::text IS NULL OR only_these.mn IS NOT NULL) AND (SELECT ok FROM locked)
    ORDER BY g.mn, g.begin_at, g.cn
), chosen AS MATERIALIZED (
    SELECT d.*, coalesce(s.config ->> 'time_zone', 'Asia/Shanghai') AS zone
    FROM due d
    JOIN wardwatch.station s ON s.mn = d.mn
    CROSS JOIN LATERAL (SELECT e.kind
                        FROM wardwatch.station_event e
                        WHERE e.mn = d.mn AND e.kind IN ('connected', 'disconnected')
                        ORDER BY e.id DESC
                        LIMIT 1) last
    WHERE s.enabled AND coalesce((s.config ->> 'history')::boolean, true) AND last.kind = 'connected'
      AND NOT EXISTS (SELECT
                      FROM wardwatch.station_command c
                      WHERE c.mn = d.mn AND c.purpose = 'history' AND c.state IN ('queued', 'sent', 'accepted'))
), asked AS (
    INSERT INTO wardwatch.station_command (mn, cn, fields, purpose)
    SELECT mn, cn, jsonb_build_array(jsonb_build_array('BeginTime', to_char(begin_at AT TIME ZONE zone, 'YYYYMMDDHH24MISS')),
                                     jsonb_build_array('EndTime', to_char(end_at AT TIME ZONE zone, 'YYYYMMDDHH24MISS'))),
           'history'
    FROM chosen
    ON CONFLICT DO NOTHING
    RETURNING id, mn
), noted AS (
    UPDATE wardwatch.station_gap g
    SET state = 'asked', tries = g.tries + 1, command_id = a.id, updated_at = now()
    FROM asked a
    JOIN chosen c ON c.mn = a.mn
    WHERE g.mn = c.mn AND g.cn = c.cn AND g.begin_at = c.begin_at
    RETURNING 1
)
SELECT count(*) FROM noted;

-- What became of the requests for history: "no data" ends a gap, all else opens it again after a while (5 minutes,
-- doubled with each try, 12 hours at most) until the eighth try, then it is given up. Runs after station_gaps_find,
-- which has taken what came in. $1 text: only these MNs, as an array, or NULL. Returns how many.
WITH locked AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('wardwatch.station_gaps')) AS ok
), settled AS (
    UPDATE wardwatch.station_gap g
    SET state = CASE WHEN c.state = 'no_data' THEN 'no_data'
                     WHEN c.state <> 'cancelled' AND g.tries >= 8 THEN 'given_up'
                     ELSE 'open' END,
        not_before = coalesce(c.finished_at, now())
                     + CASE WHEN c.state = 'cancelled' THEN interval '12 hours'
                            ELSE least(interval '5 minutes' * power(2, greatest(g.tries, 1) - 1), interval '12 hours') END,
        updated_at = now()
    FROM wardwatch.station_gap x
    LEFT JOIN wardwatch.station_command c ON c.id = x.command_id
    LEFT JOIN unnest($1::text[]) AS only_these (mn) ON only_these.mn = x.mn
    WHERE g.mn = x.mn AND g.cn = x.cn AND g.begin_at = x.begin_at AND x.state = 'asked'
      AND (c.id IS NULL OR c.state IN ('done', 'no_data', 'refused', 'failed', 'timed_out', 'cancelled'))
      AND ($1::text IS NULL OR only_these.mn IS NOT NULL)
      AND (SELECT ok FROM locked)
    RETURNING 1
)
SELECT count(*) FROM settled;

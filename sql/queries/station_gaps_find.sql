-- Looks at a batch of stations for intervals that should be there and are not, and keeps station_gap as that says.
-- $1 text: last MN looked at; $2 int: stations in a batch; $3 text: only these MNs, as an array, or NULL.
-- Returns the last MN of the batch, how many stations it had (0: the end, or another server is looking), and how many
-- windows were found and filled.
--
-- Everything is counted in intervals of local time: number n begins at n * step_s seconds of the station's clock.
-- A station is expected to send what its record names, else what was seen in the last seven days in three intervals
-- or more. An interval is there when any series of its length has a row in it. Judging by one series first and by the
-- others only where that one has nothing keeps the reading to about one row an interval.
WITH locked AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('wardwatch.station_gaps')) AS ok
), next AS NOT MATERIALIZED (
    SELECT s.mn, s.feed_id, s.config
    FROM wardwatch.station s
    WHERE s.mn > $1::text AND s.enabled AND coalesce((s.config ->> 'history')::boolean, true)
), batch AS MATERIALIZED (
    -- Joined with the names: "mn = ANY" would compare each station with each of the thousands that connect at once.
    SELECT s.mn, s.feed_id, coalesce(s.config ->> 'time_zone', 'Asia/Shanghai') AS zone,
           coalesce((s.config ->> 'minute_interval_min')::int, 10) * 60 AS minute_s, s.config -> 'expects' AS expects
    FROM ((SELECT n.* FROM next n WHERE $3::text IS NULL ORDER BY n.mn LIMIT $2::int)
          UNION ALL
          (SELECT n.* FROM unnest($3::text[]) AS c (mn) JOIN next n ON n.mn = c.mn ORDER BY n.mn LIMIT $2::int)) s
    WHERE (SELECT ok FROM locked)
), upload AS MATERIALIZED (
    -- step_s; grace_s: until it counts as missing; most: intervals that one request asks for
    SELECT b.mn, b.feed_id, b.zone, u.cn, u.step_s, u.grace_s, u.most, coalesce(b.expects @> to_jsonb(u.cn), false) AS named,
           b.expects IS NULL AS by_habit,
           floor(date_part('epoch', (now() - make_interval(secs => u.step_s + u.grace_s)) AT TIME ZONE b.zone) / u.step_s)::bigint
               AS last_n
    FROM batch b
    CROSS JOIN LATERAL (VALUES (2051, b.minute_s, 900, greatest(21600 / b.minute_s, 1)), (2061, 3600, 1800, 48),
                               (2031, 86400, 10800, 31), (2041, 86400, 10800, 31)) AS u (cn, step_s, grace_s, most)
    WHERE u.cn <> 2051 OR u.step_s < 3600
), series AS MATERIALIZED (
    SELECT u.mn, u.cn, array_agg(d.id ORDER BY d.id) AS ids
    FROM upload u
    JOIN wardwatch.thing t ON t.feed_id = u.feed_id AND t.key = u.mn
    JOIN wardwatch.datastream d ON d.thing_id = t.id AND d.interval_s = u.step_s
    WHERE u.cn <> 2041
    GROUP BY u.mn, u.cn
    UNION ALL
    SELECT u.mn, u.cn, array_agg(d.id ORDER BY d.id)
    FROM upload u
    JOIN wardwatch.thing t ON t.feed_id = u.feed_id AND t.key >= u.mn || '/SB' AND t.key < u.mn || '/SC'
                              AND starts_with(t.key, u.mn || '/SB')
    JOIN wardwatch.datastream d ON d.thing_id = t.id AND d.interval_s = u.step_s
    WHERE u.cn = 2041
    GROUP BY u.mn, u.cn
), waiting AS MATERIALIZED (
    SELECT g.mn, g.cn, g.begin_at, g.end_at, g.state, g.tries, u.step_s,
           floor(date_part('epoch', g.begin_at AT TIME ZONE u.zone) / u.step_s)::bigint AS from_n,
           floor(date_part('epoch', g.end_at AT TIME ZONE u.zone) / u.step_s)::bigint AS to_n
    FROM upload u
    JOIN wardwatch.station_gap g ON g.mn = u.mn AND g.cn = u.cn AND g.state IN ('open', 'asked')
), span AS MATERIALIZED (
    -- From the first interval seen in seven days, or the oldest one still waited for, if that is earlier: a station that
    -- was away for weeks is asked for all of them. No more than 31 days are looked through.
    SELECT u.*, s.ids, s.ids[1] AS first_id, w.from_n IS NOT NULL AS is_waited_for,
           greatest(least(floor(date_part('epoch', seen.at AT TIME ZONE u.zone) / u.step_s)::bigint, w.from_n),
                    u.last_n - 31 * 86400 / u.step_s + 1) AS first_n
    FROM upload u
    JOIN series s ON s.mn = u.mn AND s.cn = u.cn
    CROSS JOIN LATERAL (SELECT min(o.phenomenon_time) AS at
                        FROM unnest(s.ids) AS i (id)
                        CROSS JOIN LATERAL (SELECT x.phenomenon_time
                                            FROM wardwatch.observation x
                                            WHERE x.datastream_id = i.id AND x.phenomenon_time >= now() - interval '7 days'
                                              AND x.interval_s = u.step_s
                                            ORDER BY x.phenomenon_time
                                            LIMIT 1) o) seen
    LEFT JOIN (SELECT mn, cn, min(from_n) AS from_n FROM waiting GROUP BY mn, cn) w ON w.mn = u.mn AND w.cn = u.cn
    WHERE seen.at IS NOT NULL OR w.from_n IS NOT NULL
), suspect AS MATERIALIZED (
    -- Runs of intervals in which the first series has nothing.
    SELECT r.mn, r.cn, min(r.n) AS from_n, max(r.n) AS to_n
    FROM (SELECT p.mn, p.cn, e.n, e.n - row_number() OVER (PARTITION BY p.mn, p.cn ORDER BY e.n) AS run
          FROM span p
          CROSS JOIN LATERAL (
              SELECT n FROM generate_series(p.first_n, p.last_n) AS n
              EXCEPT
              SELECT floor(date_part('epoch', o.phenomenon_time AT TIME ZONE p.zone) / p.step_s)::bigint
              FROM wardwatch.observation o
              WHERE o.datastream_id = p.first_id AND o.interval_s = p.step_s
                AND o.phenomenon_time >= (to_timestamp(p.first_n * p.step_s) AT TIME ZONE 'UTC') AT TIME ZONE p.zone
                AND o.phenomenon_time < (to_timestamp((p.last_n + 1) * p.step_s) AT TIME ZONE 'UTC') AT TIME ZONE p.zone) e) r
    GROUP BY r.mn, r.cn, r.run
), missing AS MATERIALIZED (
    SELECT p.mn, p.cn, e.n
    FROM suspect q
    JOIN span p ON p.mn = q.mn AND p.cn = q.cn
    CROSS JOIN LATERAL (
        SELECT n FROM generate_series(q.from_n, q.to_n) AS n
        EXCEPT
        SELECT floor(date_part('epoch', o.phenomenon_time AT TIME ZONE p.zone) / p.step_s)::bigint
        FROM unnest(p.ids[2:]) AS i (id)
        JOIN wardwatch.observation o ON o.datastream_id = i.id
        WHERE o.interval_s = p.step_s
          AND o.phenomenon_time >= (to_timestamp(q.from_n * p.step_s) AT TIME ZONE 'UTC') AT TIME ZONE p.zone
          AND o.phenomenon_time < (to_timestamp((q.to_n + 1) * p.step_s) AT TIME ZONE 'UTC') AT TIME ZONE p.zone) e
), expected AS MATERIALIZED (
    SELECT p.*
    FROM span p
    LEFT JOIN (SELECT mn, cn, count(*) AS n FROM missing GROUP BY mn, cn) m ON m.mn = p.mn AND m.cn = p.cn
    WHERE p.named OR (p.by_habit AND (p.is_waited_for OR p.last_n - p.first_n + 1 - coalesce(m.n, 0) >= 3))
), settled AS MATERIALIZED (
    -- Not asked again, or asked right now.
    SELECT g.mn, g.cn, floor(date_part('epoch', g.begin_at AT TIME ZONE x.zone) / x.step_s)::bigint AS from_n,
           floor(date_part('epoch', g.end_at AT TIME ZONE x.zone) / x.step_s)::bigint AS to_n
    FROM expected x
    JOIN wardwatch.station_gap g ON g.mn = x.mn AND g.cn = x.cn
    WHERE g.state IN ('no_data', 'given_up', 'asked') OR (g.state = 'open' AND g.tries > 0)
), free AS (
    SELECT m.mn, m.cn, m.n, m.n - row_number() OVER (PARTITION BY m.mn, m.cn ORDER BY m.n) AS run
    FROM missing m
    WHERE NOT EXISTS (SELECT FROM settled s WHERE s.mn = m.mn AND s.cn = m.cn AND m.n BETWEEN s.from_n AND s.to_n)
), cut AS (
    SELECT f.mn, f.cn, f.n, f.run, f.n - min(f.n) OVER (PARTITION BY f.mn, f.cn, f.run) AS at FROM free f
), wanted AS MATERIALIZED (
    SELECT x.mn, x.cn,
           (to_timestamp(min(c.n) * x.step_s) AT TIME ZONE 'UTC') AT TIME ZONE x.zone AS begin_at,
           (to_timestamp(max(c.n) * x.step_s) AT TIME ZONE 'UTC') AT TIME ZONE x.zone AS end_at
    FROM cut c
    JOIN expected x ON x.mn = c.mn AND x.cn = c.cn
    GROUP BY x.mn, x.cn, x.zone, x.step_s, c.run, c.at / x.most
), judged AS MATERIALIZED (
    -- What is left of each window. One that is too old to be looked at is given up.
    SELECT v.mn, v.cn, v.begin_at, v.state, v.tries, v.to_n < p.first_n AS too_old,
           count(m.n) AS n_missing, min(m.n) AS from_n, max(m.n) AS to_n, p.zone, p.step_s
    FROM waiting v
    JOIN span p ON p.mn = v.mn AND p.cn = v.cn
    LEFT JOIN missing m ON m.mn = v.mn AND m.cn = v.cn AND m.n BETWEEN v.from_n AND v.to_n
    GROUP BY v.mn, v.cn, v.begin_at, v.state, v.tries, v.to_n, p.first_n, p.zone, p.step_s
), filled AS (
    UPDATE wardwatch.station_gap g
    SET state = CASE WHEN j.too_old THEN 'given_up' ELSE 'filled' END, updated_at = now()
    FROM judged j
    WHERE g.mn = j.mn AND g.cn = j.cn AND g.begin_at = j.begin_at AND j.n_missing = 0
    RETURNING g.state
), shrunk AS (
    UPDATE wardwatch.station_gap g
    SET begin_at = (to_timestamp(j.from_n * j.step_s) AT TIME ZONE 'UTC') AT TIME ZONE j.zone,
        end_at = (to_timestamp(j.to_n * j.step_s) AT TIME ZONE 'UTC') AT TIME ZONE j.zone, updated_at = now()
    FROM judged j
    WHERE g.mn = j.mn AND g.cn = j.cn AND g.begin_at = j.begin_at AND j.n_missing > 0 AND j.state = 'open' AND j.tries > 0
      AND (g.begin_at, g.end_at) IS DISTINCT FROM
          ((to_timestamp(j.from_n * j.step_s) AT TIME ZONE 'UTC') AT TIME ZONE j.zone,
           (to_timestamp(j.to_n * j.step_s) AT TIME ZONE 'UTC') AT TIME ZONE j.zone)
), merged AS (
    -- Never asked for, and now part of another window.
    DELETE FROM wardwatch.station_gap g
    USING judged j
    WHERE g.mn = j.mn AND g.cn = j.cn AND g.begin_at = j.begin_at AND j.n_missing > 0 AND j.state = 'open' AND j.tries = 0
      AND NOT EXISTS (SELECT FROM wanted w WHERE w.mn = g.mn AND w.cn = g.cn AND w.begin_at = g.begin_at)
), found AS (
    INSERT INTO wardwatch.station_gap AS g (mn, cn, begin_at, end_at)
    SELECT mn, cn, begin_at, end_at FROM wanted
    ON CONFLICT (mn, cn, begin_at) DO UPDATE
        SET end_at = excluded.end_at, state = 'open', tries = 0, not_before = now(), updated_at = now()
        WHERE (g.state = 'open' AND g.tries = 0 AND g.end_at <> excluded.end_at) OR g.state = 'filled'
    RETURNING 1
)
SELECT coalesce((SELECT max(mn) FROM batch), '') AS last_mn, (SELECT count(*) FROM batch) AS stations,
       (SELECT count(*) FROM found) AS found, (SELECT count(*) FROM filled WHERE state = 'filled') AS filled;

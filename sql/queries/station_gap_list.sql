-- once
-- For the command line: the gaps of station $1, newest first: cn, begin and end in its own time, state, tries, next try.
SELECT g.cn, to_char(g.begin_at AT TIME ZONE z.zone, 'YYYY-MM-DD HH24:MI'), to_char(g.end_at AT TIME ZONE z.zone, 'YYYY-MM-DD HH24:MI'),
       g.state, g.tries, CASE WHEN g.state = 'open' THEN to_char(g.not_before AT TIME ZONE z.zone, 'YYYY-MM-DD HH24:MI') ELSE '' END
FROM wardwatch.station s
CROSS JOIN LATERAL (SELECT coalesce(s.config ->> 'time_zone', 'Asia/Shanghai') AS zone) z
JOIN wardwatch.station_gap g ON g.mn = s.mn
WHERE s.mn = $1::text
ORDER BY g.begin_at DESC, g.cn
LIMIT 1000;

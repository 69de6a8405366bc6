-- Intervals that a station should have sent and did not, newest first. $1 wards (only accounts over all wards may ask),
-- $2 after, $3 limit, $4 with geometry; $5 mn, $6 state.
SELECT (extract(epoch FROM g.begin_at) * 1000000)::bigint || ':' || g.cn,
       json_build_object('mn', g.mn, 'cn', g.cn, 'begin', g.begin_at, 'end', g.end_at, 'state', g.state, 'tries', g.tries,
                         'not_before', g.not_before, 'command', g.command_id, 'found_at', g.found_at, 'updated_at', g.updated_at)::text,
       NULL
FROM wardwatch.station_gap g
WHERE $1::int[] IS NULL AND NOT $4::boolean AND g.mn = $5::text
  AND ($6::text IS NULL OR g.state = $6::text)
  AND ($2::text IS NULL
       OR ((extract(epoch FROM g.begin_at) * 1000000)::bigint, g.cn)
          < (split_part($2::text, ':', 1)::bigint, split_part($2::text, ':', 2)::int))
ORDER BY g.begin_at DESC, g.cn DESC
LIMIT $3::bigint;

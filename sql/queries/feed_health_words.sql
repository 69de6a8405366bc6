-- once
-- For the command line: a line a feed; $1 names one, then also a line for each of its things that is not well (the first hundred).
SELECT line
FROM (SELECT f.id, 0 AS nth,
             format('%-24s %-8s last heard %s, newest value %s, lag %s s, complete %s, things: %s', f.name, coalesce(h.state, 'unknown'),
                    coalesce(date_trunc('second', now() - h.last_received_at)::text || ' ago', 'never'),
                    coalesce(date_trunc('second', now() - h.last_phenomenon_at)::text || ' old', 'none'), coalesce(h.lag_s::text, '?'),
                    coalesce(round(h.completeness_24h::numeric * 100)::text || ' %', '?'),
                    (SELECT coalesce(string_agg(n || ' ' || state, ', ' ORDER BY n DESC, state), 'none')
                     FROM (SELECT coalesce(s.state, 'unknown') AS state, count(*) AS n
                           FROM thing t
                           LEFT JOIN thing_health s ON s.thing_id = t.id
                           WHERE t.feed_id = f.id
                           GROUP BY 1) x)) AS line
      FROM feed f
      LEFT JOIN feed_health h ON h.feed_id = f.id
      WHERE $1::text IS NULL OR f.name = $1::text
      UNION ALL
      (SELECT f.id, row_number() OVER (ORDER BY s.state, t.key),
              format('  %-30s %-8s last heard %s ago, expected every %s s, lag %s s, clock %s s', t.key, s.state,
                     date_trunc('second', now() - s.last_received_at), coalesce(s.expected_s::text, '?'), coalesce(s.lag_s::text, '?'),
                     coalesce(s.drift_s::text, '?'))
       FROM feed f
       JOIN thing t ON t.feed_id = f.id
       JOIN thing_health s ON s.thing_id = t.id
       WHERE f.name = $1::text AND s.state IN ('silent', 'drifting', 'late')
       ORDER BY 2
       LIMIT 100)) lines
ORDER BY id, nth

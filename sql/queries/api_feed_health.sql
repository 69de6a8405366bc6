-- How a feed is, and its things by their states. $1 wards (feeds have none), $2 after, $3 limit, $4 with geometry; $5 name.
SELECT f.id::text,
       json_build_object('feed', f.name, 'protocol', coalesce(f.config ->> 'protocol', 'http'), 'state', coalesce(h.state, 'unknown'),
                         'silent_since', h.silent_since, 'last_received_at', h.last_received_at,
                         'last_phenomenon_at', h.last_phenomenon_at, 'lag_s', h.lag_s, 'expected_s', h.expected_s,
                         'completeness_24h', h.completeness_24h,
                         'things', (SELECT json_build_object('total', count(*), 'ok', count(*) FILTER (WHERE s.state = 'ok'),
                                                             'late', count(*) FILTER (WHERE s.state = 'late'),
                                                             'drifting', count(*) FILTER (WHERE s.state = 'drifting'),
                                                             'silent', count(*) FILTER (WHERE s.state = 'silent'),
                                                             'unknown', count(*) FILTER (WHERE coalesce(s.state, 'unknown') = 'unknown'))
                                    FROM wardwatch.thing t
                                    LEFT JOIN wardwatch.thing_health s ON s.thing_id = t.id
                                    WHERE t.feed_id = f.id),
                         'counts', json_build_object('stored', coalesce(h.stored, 0), 'duplicates', coalesce(h.duplicates, 0),
                                                     'corrections', coalesce(h.corrections, 0), 'dead', coalesce(h.dead, 0)),
                         'open_alerts', (SELECT count(*)
                                         FROM wardwatch.alert a
                                         LEFT JOIN wardwatch.thing t ON a.subject_kind = 'thing' AND t.id = a.subject_id
                                         WHERE a.state = 'open' AND a.category = 'sensor'
                                           AND CASE a.subject_kind WHEN 'feed' THEN a.subject_id = f.id ELSE t.feed_id = f.id END),
                         'as_of', coalesce(h.as_of, now()))::text,
       NULL
FROM wardwatch.feed_shown f
LEFT JOIN wardwatch.feed_health h ON h.feed_id = f.id
WHERE ($1::int[] IS NULL OR true) AND NOT $4::boolean AND $2::text IS NULL AND f.name = $5::text
LIMIT $3::bigint;

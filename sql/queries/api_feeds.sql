-- Ways in and what came through them. $1 wards (feeds have none), $2 after, $3 limit, $4 with geometry; $5 name.
SELECT f.id::text,
       json_build_object('name', f.name, 'title', f.title, 'enabled', f.enabled, 'config', f.config,
                         'counts', json_build_object('messages', coalesce(m.messages, 0), 'received', coalesce(m.received, 0), 'stored', coalesce(m.stored, 0),
                                                     'duplicates', coalesce(m.duplicates, 0), 'corrections', coalesce(m.corrections, 0), 'dead', coalesce(m.dead, 0)),
                         'last_received_at', m.last_received_at,
                         'pull', CASE WHEN f.config ->> 'protocol' = 'pull'
                                      THEN (SELECT json_build_object('last_page_at', CASE WHEN p.source <> '' THEN p.updated_at END,
                                                                     'failing_since', p.failing_since,
                                                                     'last_error', nullif(p.last_error, ''))
                                            FROM wardwatch.pull_state p
                                            WHERE p.feed_id = f.id) END)::text,
       NULL
FROM (SELECT *
      FROM wardwatch.feed_shown
      WHERE ($1::int[] IS NULL OR true) AND NOT $4::boolean
        AND ($2::text IS NULL OR id > $2::text::int)
        AND ($5::text IS NULL OR name = $5::text)
      ORDER BY id
      LIMIT $3::bigint) f
LEFT JOIN LATERAL (SELECT * FROM wardwatch.feed_traffic x WHERE x.feed_id = f.id) m ON true
ORDER BY f.id;

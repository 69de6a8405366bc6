-- Ways in and what came through them. $1 wards (feeds have none), $2 after, $3 limit, $4 with geometry; $5 name.
SELECT f.id::text,
       json_build_object('name', f.name, 'title', f.title, 'enabled', f.enabled, 'config', wardwatch.mask_feed_config(f.config),
                         'counts', json_build_object('messages', m.messages, 'received', m.received, 'stored', m.stored,
                                                     'duplicates', m.duplicates, 'corrections', m.corrections, 'dead', m.dead),
                         'last_received_at', m.last_received_at,
                         'pull', CASE WHEN f.config ->> 'protocol' = 'pull'
                                      THEN (SELECT json_build_object('last_page_at', CASE WHEN p.source <> '' THEN p.updated_at END,
                                                                     'failing_since', p.failing_since,
                                                                     'last_error', nullif(p.last_error, ''))
                                            FROM wardwatch.pull_state p
                                            WHERE p.feed_id = f.id) END)::text,
       NULL
FROM (SELECT *
      FROM wardwatch.feed
      WHERE ($1::int[] IS NULL OR true) AND NOT $4::boolean
        AND ($2::text IS NULL OR id > $2::text::int)
        AND ($5::text IS NULL OR name = $5::text)
      ORDER BY id
      LIMIT $3::bigint) f
CROSS JOIN LATERAL (SELECT count(*) AS messages, coalesce(sum(x.received), 0) AS received, coalesce(sum(x.stored), 0) AS stored,
                           coalesce(sum(x.duplicates), 0) AS duplicates, coalesce(sum(x.corrections), 0) AS corrections,
                           coalesce(sum(x.dead), 0) AS dead, max(x.received_at) AS last_received_at
                    FROM wardwatch.raw_message x
                    WHERE x.feed_id = f.id) m
ORDER BY f.id;

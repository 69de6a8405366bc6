-- One HJ 212 station with its thing, its commands counted by state, its gaps and its last twenty events.
-- $1 wards (only accounts over all wards may ask), $2 after, $3 limit, $4 with geometry; $5 mn.
SELECT s.mn,
       json_build_object('mn', s.mn, 'feed', f.name, 'enabled', s.enabled, 'registered', s.registered,
                         'has_password', s.has_password, 'has_key', s.has_key, 'key_since', s.key_since,
                         'connected', coalesce(c.kind = 'connected', false), 'connection_since', c.at, 'config', s.config,
                         'created_at', s.created_at, 'updated_at', s.updated_at,
                         'thing', CASE WHEN t.id IS NOT NULL THEN
                             json_build_object('id', t.id, 'name_zh', t.name_zh, 'name_en', t.name_en, 'class', t.class,
                                               'limit_class', t.limit_class, 'site', site.code, 'ward', w.code,
                                               'place', CASE WHEN t.geom IS NOT NULL
                                                             THEN json_build_array(ST_X(t.geom), ST_Y(t.geom)) END) END,
                         'last_data_at', d.at,
                         'commands', (SELECT coalesce(json_object_agg(x.state, x.n), '{}')
                                      FROM (SELECT state, count(*) AS n FROM wardwatch.station_command_shown WHERE mn = s.mn GROUP BY state) x),
                         'gaps', (SELECT coalesce(json_object_agg(x.state, x.n), '{}')
                                  FROM (SELECT state, count(*) AS n FROM wardwatch.station_gap WHERE mn = s.mn GROUP BY state) x),
                         'deviations', (SELECT coalesce(json_agg(json_build_object('kind', v.kind, 'frames', v.frames,
                                                                                  'first_at', v.first_at, 'last_at', v.last_at)
                                                                ORDER BY v.kind <> 'frames', v.frames DESC, v.kind), '[]')
                                        FROM wardwatch.station_deviation v WHERE v.mn = s.mn),
                         'events', (SELECT coalesce(json_agg(json_build_object('id', e.id, 'kind', e.kind, 'at', e.at, 'detail', e.detail)
                                                             ORDER BY e.id DESC), '[]')
                                    FROM (SELECT * FROM wardwatch.station_event WHERE mn = s.mn ORDER BY id DESC LIMIT 20) e))::text,
       NULL
FROM wardwatch.station_shown s
JOIN wardwatch.feed f ON f.id = s.feed_id
LEFT JOIN wardwatch.thing t ON t.feed_id = s.feed_id AND t.key = s.mn
LEFT JOIN wardwatch.site site ON site.id = t.site_id
LEFT JOIN wardwatch.ward w ON w.id = t.ward_id
LEFT JOIN LATERAL (SELECT e.kind, e.at
                   FROM wardwatch.station_event e
                   WHERE e.mn = s.mn AND e.kind IN ('connected', 'disconnected')
                   ORDER BY e.id DESC
                   LIMIT 1) c ON true
LEFT JOIN LATERAL (SELECT max(o.phenomenon_time) AS at
                   FROM wardwatch.datastream x
                   CROSS JOIN LATERAL (SELECT y.phenomenon_time
                                       FROM wardwatch.observation y
                                       WHERE y.datastream_id = x.id AND y.phenomenon_time > now() - interval '31 days'
                                       ORDER BY y.phenomenon_time DESC
                                       LIMIT 1) o
                   WHERE x.thing_id = t.id) d ON true
WHERE $1::int[] IS NULL AND $2::text IS NULL AND NOT $4::boolean AND s.mn = $5::text
LIMIT $3::bigint;

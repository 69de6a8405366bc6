-- HJ 212 stations. $1 wards (they have none here: only accounts over all wards may ask), $2 after, $3 limit, $4 with
-- geometry; $5 feed, $6 connected (as the newest event says), $7 enabled. Passwords and keys are never shown.
SELECT s.mn,
       json_build_object('mn', s.mn, 'feed', f.name, 'enabled', s.enabled, 'registered', s.registered,
                         'has_password', s.has_password, 'has_key', s.has_key, 'key_since', s.key_since,
                         'connected', coalesce(c.kind = 'connected', false), 'connection_since', c.at, 'config', s.config,
                         'thing', t.id, 'created_at', s.created_at, 'updated_at', s.updated_at)::text,
       NULL
FROM wardwatch.station_shown s
JOIN wardwatch.feed f ON f.id = s.feed_id
LEFT JOIN wardwatch.thing t ON t.feed_id = s.feed_id AND t.key = s.mn
LEFT JOIN LATERAL (SELECT e.kind, e.at
                   FROM wardwatch.station_event e
                   WHERE e.mn = s.mn AND e.kind IN ('connected', 'disconnected')
                   ORDER BY e.id DESC
                   LIMIT 1) c ON true
WHERE $1::int[] IS NULL AND NOT $4::boolean
  AND ($2::text IS NULL OR s.mn > $2::text)
  AND ($5::text IS NULL OR f.name = $5::text)
  AND ($6::text IS NULL OR coalesce(c.kind = 'connected', false) = $6::text::boolean)
  AND ($7::text IS NULL OR s.enabled = $7::text::boolean)
ORDER BY s.mn
LIMIT $3::bigint;

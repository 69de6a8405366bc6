-- once
-- For the command line: mn, feed, on?, connected?, has password, has key, name.
SELECT s.mn, f.name, s.enabled, coalesce(c.kind = 'connected', false), s.password <> '', s.sm4_key IS NOT NULL,
       coalesce(nullif(t.name_zh, ''), t.name_en, '')
FROM wardwatch.station s
JOIN wardwatch.feed f ON f.id = s.feed_id
LEFT JOIN wardwatch.thing t ON t.feed_id = s.feed_id AND t.key = s.mn
LEFT JOIN LATERAL (SELECT e.kind FROM wardwatch.station_event e
                   WHERE e.mn = s.mn AND e.kind IN ('connected', 'disconnected') ORDER BY e.id DESC LIMIT 1) c ON true
ORDER BY s.mn;

-- once
-- For the command line: what is known of station $1 as rows of (label, text); none when it is not there.
SELECT x.label, x.text
FROM wardwatch.station s
JOIN wardwatch.feed f ON f.id = s.feed_id
LEFT JOIN wardwatch.thing t ON t.feed_id = s.feed_id AND t.key = s.mn
LEFT JOIN wardwatch.ward w ON w.id = t.ward_id
LEFT JOIN wardwatch.site i ON i.id = t.site_id
CROSS JOIN LATERAL (
    SELECT 1 AS part, 1::bigint AS n, v.label, v.text
    FROM (VALUES (1, 'mn', s.mn), (2, 'feed', f.name), (3, 'enabled', CASE WHEN s.enabled THEN 'yes' ELSE 'no' END),
                 (4, 'name', concat_ws(' / ', nullif(t.name_zh, ''), nullif(t.name_en, ''))), (5, 'class', t.class),
                 (6, 'ward', w.code), (7, 'site', i.code),
                 (8, 'password', CASE WHEN s.password = '' THEN 'any' ELSE 'set' END),
                 (9, 'sm4 key', CASE WHEN s.sm4_key IS NULL THEN 'none' ELSE 'set ' || coalesce(s.key_since::text, '') END),
                 (10, 'config', s.config::text)) AS v (at, label, text)
    WHERE v.text <> ''
    UNION ALL
    SELECT 2, row_number() OVER (ORDER BY c.state), 'commands', c.state || ' ' || count(*)
    FROM wardwatch.station_command c WHERE c.mn = s.mn GROUP BY c.state
    UNION ALL
    SELECT 3, row_number() OVER (ORDER BY g.state), 'gaps', g.state || ' ' || count(*)
    FROM wardwatch.station_gap g WHERE g.mn = s.mn GROUP BY g.state
    UNION ALL
    SELECT 4, row_number() OVER (ORDER BY v.kind <> 'frames', v.frames DESC, v.kind),
           CASE v.kind WHEN 'frames' THEN 'frames' ELSE 'deviation' END,
           CASE v.kind WHEN 'frames' THEN v.frames::text ELSE v.kind || ' ' || v.frames END || ', since ' || v.first_at || ', last ' || v.last_at
    FROM wardwatch.station_deviation v WHERE v.mn = s.mn
    UNION ALL
    SELECT 5, -e.id, 'event', e.at::text || ' ' || e.kind || ' ' || e.detail::text
    FROM (SELECT * FROM wardwatch.station_event WHERE mn = s.mn ORDER BY id DESC LIMIT 10) e) x
WHERE s.mn = $1::text
ORDER BY x.part, x.n;

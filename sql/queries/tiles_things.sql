-- For the live map: things above id $1, at most $2. One without a place of its own stands where its newest reading
-- was taken; one that has never been anywhere has no place. Column 6 is whose it is: its own ward, 0 without one. Its site is told
-- when it lies in the same ward.
SELECT t.id, t.key, t.name_zh, t.name_en, t.class, coalesce(t.ward_id, 0), w.code,
       ST_X(coalesce(t.geom, f.geom)), ST_Y(coalesce(t.geom, f.geom)), d.name, s.code, s.kind
FROM (SELECT * FROM wardwatch.thing WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint) t
JOIN wardwatch.feed d ON d.id = t.feed_id
LEFT JOIN LATERAL (SELECT i.geom
                   FROM wardwatch.datastream x
                   CROSS JOIN LATERAL (SELECT o.foi_id, o.phenomenon_time
                                       FROM wardwatch.observation o
                                       WHERE o.datastream_id = x.id
                                       ORDER BY o.phenomenon_time DESC, o.interval_s DESC, o.version DESC
                                       LIMIT 1) o
                   JOIN wardwatch.feature_of_interest i ON i.id = o.foi_id
                   WHERE x.thing_id = t.id AND t.geom IS NULL
                   ORDER BY o.phenomenon_time DESC
                   LIMIT 1) f ON true
LEFT JOIN wardwatch.ward w ON w.id = t.ward_id
LEFT JOIN wardwatch.site s ON s.id = t.site_id AND s.ward_id IS NOT DISTINCT FROM t.ward_id
ORDER BY t.id;

-- Things: stations, meters, reporters. $1 wards, $2 after, $3 limit, $4 with geometry; $5 ward, $6 class, $7 feed,
-- $8 id.
SELECT t.id::text,
       json_build_object('id', t.id, 'feed', f.name, 'key', t.key, 'name_zh', t.name_zh, 'name_en', t.name_en,
                         'class', t.class, 'limit_class', t.limit_class, 'site', s.code, 'ward', w.code,
                         'place', CASE WHEN t.geom IS NOT NULL THEN json_build_array(ST_X(t.geom), ST_Y(t.geom)) END,
                         'datastreams', (SELECT count(*) FROM wardwatch.datastream d WHERE d.thing_id = t.id),
                         'health', wardwatch.health_json(h))::text,
       CASE WHEN $4::boolean THEN ST_AsGeoJSON(t.geom, 7, 0) END
FROM (SELECT *
      FROM wardwatch.thing
      WHERE ($1::int[] IS NULL OR ward_id = ANY ($1::int[]))
        AND ($2::text IS NULL OR id > $2::text::bigint)
        AND ($5::text IS NULL OR ward_id = (SELECT x.id FROM wardwatch.ward x WHERE x.code = $5::text))
        AND ($6::text IS NULL OR class = $6::text)
        AND ($7::text IS NULL OR feed_id = (SELECT x.id FROM wardwatch.feed x WHERE x.name = $7::text))
        AND ($8::bigint IS NULL OR id = $8::bigint)
      ORDER BY id
      LIMIT $3::bigint) t
JOIN wardwatch.feed f ON f.id = t.feed_id
LEFT JOIN wardwatch.thing_health h ON h.thing_id = t.id
LEFT JOIN wardwatch.site s ON s.id = t.site_id
LEFT JOIN wardwatch.ward w ON w.id = t.ward_id
ORDER BY t.id;

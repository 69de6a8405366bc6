-- How each thing is as a sender. $1 wards, $2 after, $3 limit, $4 with geometry; $5 feed, $6 state.
SELECT t.id::text,
       json_build_object('id', t.id, 'feed', f.name, 'key', t.key, 'name_zh', t.name_zh, 'name_en', t.name_en, 'class', t.class,
                         'ward', w.code,
                         'place', CASE WHEN t.geom IS NOT NULL THEN json_build_array(ST_X(t.geom), ST_Y(t.geom)) END,
                         'health', wardwatch.health_json(h))::text,
       NULL
FROM (SELECT x.*
      FROM wardwatch.thing x
      LEFT JOIN wardwatch.thing_health y ON y.thing_id = x.id
      WHERE ($1::int[] IS NULL OR x.ward_id = ANY ($1::int[])) AND NOT $4::boolean
        AND ($2::text IS NULL OR x.id > $2::text::bigint)
        AND ($5::text IS NULL OR x.feed_id = (SELECT z.id FROM wardwatch.feed z WHERE z.name = $5::text))
        AND ($6::text IS NULL OR coalesce(y.state, 'unknown') = $6::text)
      ORDER BY x.id
      LIMIT $3::bigint) t
JOIN wardwatch.feed f ON f.id = t.feed_id
LEFT JOIN wardwatch.thing_health h ON h.thing_id = t.id
LEFT JOIN wardwatch.ward w ON w.id = t.ward_id
ORDER BY t.id;

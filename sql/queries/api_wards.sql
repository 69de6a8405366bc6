-- Wards and how many alerts about pollution are open in each. $1 wards, $2 after, $3 limit, $4 with geometry; $5 code.
SELECT w.id::text,
       json_build_object('id', w.id, 'code', w.code, 'name_zh', w.name_zh, 'name_en', w.name_en,
                         'synthetic', w.synthetic,
                         'seat', CASE WHEN w.seat IS NOT NULL THEN json_build_array(ST_X(w.seat), ST_Y(w.seat)) END,
                         'bbox', CASE WHEN w.geom IS NOT NULL
                                      THEN json_build_array(ST_XMin(w.geom), ST_YMin(w.geom), ST_XMax(w.geom), ST_YMax(w.geom))
                                 END,
                         'open_alerts', a.n, 'worst_severity', coalesce(a.worst, 0))::text,
       CASE WHEN $4::boolean THEN ST_AsGeoJSON(w.geom, 7, 0) END
FROM (SELECT *
      FROM wardwatch.ward
      WHERE ($1::int[] IS NULL OR id = ANY ($1::int[]))
        AND ($2::text IS NULL OR id > $2::text::int)
        AND ($5::text IS NULL OR code = $5::text)
      ORDER BY id
      LIMIT $3::bigint) w
CROSS JOIN LATERAL (SELECT count(*) AS n, max(x.severity) AS worst
                    FROM wardwatch.alert x
                    WHERE x.ward_id = w.id AND x.state = 'open' AND x.category = 'pollution') a
ORDER BY w.id;

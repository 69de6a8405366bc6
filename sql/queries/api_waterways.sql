-- Reaches of rivers. They belong to no ward: the whole district sees them, $1 filters nothing.
-- $1 wards, $2 after, $3 limit, $4 with geometry.
SELECT r.id::text,
       json_build_object('id', r.id, 'code', r.code, 'name_zh', r.name_zh, 'name_en', r.name_en,
                         'downstream', r.downstream, 'length_m', r.length_m, 'synthetic', r.synthetic)::text,
       CASE WHEN $4::boolean THEN ST_AsGeoJSON(r.geom, 7, 0) END
FROM wardwatch.waterway r
WHERE ($1::int[] IS NULL OR true)
  AND ($2::text IS NULL OR r.id > $2::text::bigint)
ORDER BY r.id
LIMIT $3::bigint;

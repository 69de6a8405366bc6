-- Regulated sites. $1 wards, $2 after, $3 limit, $4 with geometry; $5 ward, $6 kind.
SELECT s.id::text,
       json_build_object('id', s.id, 'code', s.code, 'name_zh', s.name_zh, 'name_en', s.name_en, 'kind', s.kind,
                         'limit_class', s.limit_class, 'ward', w.code,
                         'place', CASE WHEN s.geom IS NOT NULL THEN json_build_array(ST_X(s.geom), ST_Y(s.geom)) END)::text,
       CASE WHEN $4::boolean THEN ST_AsGeoJSON(s.geom, 7, 0) END
FROM wardwatch.site s
LEFT JOIN wardwatch.ward w ON w.id = s.ward_id
WHERE ($1::int[] IS NULL OR s.ward_id = ANY ($1::int[]))
  AND ($2::text IS NULL OR s.id > $2::text::bigint)
  AND ($5::text IS NULL OR s.ward_id = (SELECT x.id FROM wardwatch.ward x WHERE x.code = $5::text))
  AND ($6::text IS NULL OR s.kind = $6::text)
ORDER BY s.id
LIMIT $3::bigint;

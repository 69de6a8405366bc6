-- The district as one object. $1 wards, $2 after, $3 limit, $4 with geometry (the same four in every list).
SELECT 'district',
       json_build_object('name_zh', coalesce(s.value ->> 'name_zh', ''), 'name_en', coalesce(s.value ->> 'name_en', ''),
                         'time_zone', coalesce(s.value ->> 'time_zone', 'UTC'),
                         'synthetic', coalesce((s.value ->> 'synthetic')::boolean, false),
                         'attribution', coalesce(s.value ->> 'attribution', ''),
                         'bbox', CASE WHEN b.box IS NOT NULL
                                      THEN json_build_array(ST_XMin(b.box), ST_YMin(b.box), ST_XMax(b.box), ST_YMax(b.box))
                                 END,
                         'counts', json_build_object('wards', b.n, 'sites', c.sites, 'things', c.things,
                                                     'datastreams', c.datastreams))::text,
       NULL
FROM (SELECT ST_Extent(w.geom) AS box, count(*) AS n
      FROM wardwatch.ward w
      WHERE $1::int[] IS NULL OR w.id = ANY ($1::int[])) b
CROSS JOIN (SELECT (SELECT count(*) FROM wardwatch.site x WHERE $1::int[] IS NULL OR x.ward_id = ANY ($1::int[])) AS sites,
                   (SELECT count(*) FROM wardwatch.thing x WHERE $1::int[] IS NULL OR x.ward_id = ANY ($1::int[])) AS things,
                   (SELECT count(*)
                    FROM wardwatch.datastream d
                    JOIN wardwatch.thing x ON x.id = d.thing_id
                    WHERE $1::int[] IS NULL OR x.ward_id = ANY ($1::int[])) AS datastreams) c
LEFT JOIN wardwatch.setting s ON s.key = 'district'
WHERE $2::text IS NULL AND NOT $4::boolean
LIMIT $3::bigint;

-- Hot spots: wards and hexagons with a value now. $1 wards, $2 after, $3 limit, $4 with geometry; $5 rule, $6 places, $7 class, $8 ward.
SELECT k.key,
       json_build_object('id', h.id, 'rule', r.code, 'places', h.places, 'key', h.key, 'ward', w.code, 'name_zh', w.name_zh, 'name_en', w.name_en,
                         'property', p.code, 'unit', p.unit, 'value', h.value, 'things', h.n_things, 'class', h.class, 'gstar', h.gstar,
                         'p', h.gstar_p, 'q', h.gstar_q, 'moran_class', h.moran_class, 'moran', h.moran, 'moran_p', h.moran_p,
                         'moran_q', h.moran_q,
                         'label_zh', CASE h.class WHEN 'hot' THEN '热点' WHEN 'cold' THEN '冷点' ELSE '不显著' END,
                         'label_en', CASE h.class WHEN 'hot' THEN 'Hot spot' WHEN 'cold' THEN 'Cold spot' ELSE 'Not significant' END,
                         'as_of', h.as_of)::text,
       CASE WHEN $4::boolean THEN ST_AsGeoJSON(coalesce(h.geom, w.geom), 7, 0) END
FROM wardwatch.hotspot h
CROSS JOIN LATERAL (SELECT h.id::text AS key) k
JOIN wardwatch.rule r ON r.id = h.rule_id
LEFT JOIN wardwatch.observed_property p ON p.code = r.config->>'property'
LEFT JOIN wardwatch.ward w ON w.id = h.ward_id
WHERE ($1::int[] IS NULL OR h.ward_id = ANY ($1::int[]))
  AND ($2::text IS NULL OR h.id > $2::text::bigint)
  AND ($5::text IS NULL OR r.code = $5::text)
  AND ($6::text IS NULL OR h.places = $6::text)
  AND ($7::text IS NULL OR h.class = $7::text)
  AND ($8::text IS NULL OR w.code = $8::text)
ORDER BY h.id
LIMIT $3::bigint;

-- Datastreams, each with the latest value that the reader may see: one step down the primary key of the
-- newest partition that has one. $1 wards, $2 after, $3 limit, $4 with geometry; $5 thing, $6 property, $7 ward.
SELECT d.id::text,
       json_build_object('id', d.id,
                         'thing', json_build_object('id', d.thing_id, 'key', d.key, 'name_zh', d.name_zh, 'name_en', d.name_en),
                         'property', d.property, 'unit', d.unit, 'statistic', d.statistic, 'interval_s', d.interval_s,
                         'ward', w.code,
                         'latest', CASE WHEN l.phenomenon_time IS NOT NULL
                                        THEN json_build_object('time', l.phenomenon_time, 'value', l.value, 'flag', l.flag)
                                   END)::text,
       CASE WHEN $4::boolean THEN ST_AsGeoJSON(d.geom, 7, 0) END
FROM (SELECT x.id, x.thing_id, t.key, t.name_zh, t.name_en, t.ward_id, t.geom, p.code AS property, p.unit, x.statistic, x.interval_s
      FROM wardwatch.datastream x
      JOIN wardwatch.thing t ON t.id = x.thing_id
      JOIN wardwatch.observed_property p ON p.id = x.property_id
      WHERE ($1::int[] IS NULL OR t.ward_id = ANY ($1::int[]))
        AND ($2::text IS NULL OR x.id > $2::text::bigint)
        AND ($5::bigint IS NULL OR x.thing_id = $5::bigint)
        AND ($6::text IS NULL OR p.code = $6::text)
        AND ($7::text IS NULL OR t.ward_id = (SELECT y.id FROM wardwatch.ward y WHERE y.code = $7::text))
      ORDER BY x.id
      LIMIT $3::bigint) d
LEFT JOIN wardwatch.ward w ON w.id = d.ward_id
LEFT JOIN LATERAL (SELECT o.phenomenon_time, o.value, o.flag
                   FROM wardwatch.observation o
                   WHERE o.datastream_id = d.id AND ($1::int[] IS NULL OR o.ward_id = ANY ($1::int[]))
                   ORDER BY o.phenomenon_time DESC, o.interval_s DESC, o.version DESC
                   LIMIT 1) l ON true
ORDER BY d.id;

-- Things that have a datastream of a property. $1 property, $2 feed, $3 class ('' = any), $4 the property of things that holds their
-- population ('' = none), $5 bigint: last id seen. $6, $7: only things and datastreams up to these ids; $8: as they were then
-- ('infinity': as they are). id, key, longitude, latitude, ward, population, its first such datastream (0 = of no property).
SELECT t.id, t.key, ST_X(t.geom), ST_Y(t.geom), t.ward_id,
       CASE WHEN t.properties->>$4::text ~ '^[0-9]{1,12}([.][0-9]{1,6})?$' THEN (t.properties->>$4::text)::float8 END,
       coalesce(s.id, 0)
FROM things_at($8::timestamptz) t
LEFT JOIN LATERAL (SELECT min(d.id) AS id FROM datastream d JOIN observed_property p ON p.id = d.property_id
                   WHERE d.thing_id = t.id AND p.code = $1::text) s ON true
WHERE t.id > $5::bigint AND t.id <= $6::bigint
  AND ($2::text = '' OR t.feed_id = (SELECT id FROM feed WHERE name = $2::text))
  AND ($3::text = '' OR t.class = $3::text)
  AND ($1::text = '' OR s.id <= $7::bigint)
ORDER BY t.id
LIMIT 5000

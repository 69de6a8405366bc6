-- Things that have a datastream of a property. $1 property, $2 feed, $3 class ('' = any), $4 the property of things that holds their
-- population ('' = none), $5 bigint: last id seen. id, key, longitude, latitude, ward, population.
SELECT t.id, t.key, ST_X(t.geom), ST_Y(t.geom), t.ward_id,
       CASE WHEN t.properties->>$4::text ~ '^[0-9]{1,12}([.][0-9]{1,6})?$' THEN (t.properties->>$4::text)::float8 END
FROM thing t
WHERE t.id > $5::bigint
  AND ($2::text = '' OR t.feed_id = (SELECT id FROM feed WHERE name = $2::text))
  AND ($3::text = '' OR t.class = $3::text)
  AND ($1::text = '' OR EXISTS (SELECT FROM datastream d JOIN observed_property p ON p.id = d.property_id
                                WHERE d.thing_id = t.id AND p.code = $1::text))
ORDER BY t.id
LIMIT 5000

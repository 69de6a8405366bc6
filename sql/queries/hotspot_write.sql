-- What changed on a rule's map. $1 rule, $2 jsonb rows of ingest/space/hotspot_watch.c, $3 boolean: these are all there are.
WITH rows AS (
    SELECT r.*
    FROM jsonb_to_recordset($2::jsonb)
        AS r (places text, key text, ward int, value float8, things int, z float8, p float8, q float8, class text, mz float8, mp float8,
              mq float8, moran text, ring jsonb)
), gone AS (
    DELETE FROM hotspot h
    WHERE h.rule_id = $1::int
      AND (($3::boolean AND NOT EXISTS (SELECT FROM rows r WHERE r.places = h.places AND r.key = h.key AND r.value IS NOT NULL))
           OR EXISTS (SELECT FROM rows r WHERE r.places = h.places AND r.key = h.key AND r.value IS NULL))
)
INSERT INTO hotspot AS h (rule_id, places, key, ward_id, geom, value, n_things, gstar, gstar_p, gstar_q, class, moran, moran_p, moran_q, moran_class)
SELECT $1::int, r.places, r.key, nullif(r.ward, 0),
       CASE WHEN r.ring IS NOT NULL
            THEN ST_SetSRID(ST_GeomFromGeoJSON(jsonb_build_object('type', 'Polygon', 'coordinates', jsonb_build_array(r.ring))), 4490) END,
       r.value, r.things, r.z, r.p, r.q, r.class, r.mz, r.mp, r.mq, r.moran
FROM rows r
WHERE r.value IS NOT NULL AND EXISTS (SELECT FROM rule x WHERE x.id = $1::int)
ORDER BY r.places, r.key
ON CONFLICT (rule_id, places, key) DO UPDATE
    SET ward_id = excluded.ward_id, geom = excluded.geom, value = excluded.value, n_things = excluded.n_things, gstar = excluded.gstar,
        gstar_p = excluded.gstar_p, gstar_q = excluded.gstar_q, class = excluded.class, moran = excluded.moran,
        moran_p = excluded.moran_p, moran_q = excluded.moran_q, moran_class = excluded.moran_class, as_of = now()

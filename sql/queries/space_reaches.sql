-- Reaches of waters in flow direction: id, code, code of the reach it flows into, line, properties.
SELECT r.id, r.code, coalesce(r.downstream, ''), ST_AsGeoJSON(r.geom, 7, 0), r.properties::text FROM waterway r ORDER BY r.id

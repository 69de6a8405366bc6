-- Wards as places of a scan. $1 text: the property of wards that holds their population, '' = none.
-- id, code, longitude and latitude, box (west, south, east, north), population, ids of those that it touches.
-- Borders that were drawn by different hands may miss each other by some metres: 2e-4 degrees are about 20.
SELECT w.id, w.code, ST_X(c.at), ST_Y(c.at), ST_XMin(w.geom), ST_YMin(w.geom), ST_XMax(w.geom), ST_YMax(w.geom),
       CASE WHEN w.properties->>$1::text ~ '^[0-9]{1,12}([.][0-9]{1,6})?$' THEN (w.properties->>$1::text)::float8 END,
       (SELECT string_agg(o.id::text, ',' ORDER BY o.id) FROM ward o WHERE o.id <> w.id AND ST_DWithin(o.geom, w.geom, 2e-4))
FROM ward w
CROSS JOIN LATERAL (SELECT coalesce(ST_PointOnSurface(w.geom), w.seat) AS at) c
ORDER BY w.id

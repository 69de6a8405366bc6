-- $1 int: last id seen. id, code, EWKB (NULL for a ward known by its code alone)
SELECT id, code, ST_AsEWKB(geom) FROM ward WHERE id > $1::int ORDER BY id LIMIT 1000

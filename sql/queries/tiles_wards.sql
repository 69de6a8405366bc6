-- For the live map: wards above id $1, at most $2, each with its area (WKB).
SELECT w.id, w.code, w.name_zh, w.name_en, ST_AsBinary(w.geom)
FROM wardwatch.ward w
WHERE w.geom IS NOT NULL AND w.id > $1::bigint
ORDER BY w.id
LIMIT $2::bigint;

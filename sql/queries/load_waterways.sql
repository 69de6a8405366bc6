-- once
-- $1 jsonb: [{code, name_zh, name_en, downstream, synthetic, geometry (GeoJSON LineString, WGS 84), properties}]
INSERT INTO waterway (code, name_zh, name_en, downstream, geom, length_m, synthetic, properties)
SELECT r.code, r.name_zh, r.name_en, nullif(r.downstream, ''), g.geom, ST_Length(g.geom::geography), r.synthetic, r.properties
FROM jsonb_to_recordset($1::jsonb)
    AS r (code text, name_zh text, name_en text, downstream text, synthetic boolean, geometry jsonb, properties jsonb)
CROSS JOIN LATERAL (SELECT ST_SetSRID(ST_GeomFromGeoJSON(r.geometry), 4490) AS geom) g
ON CONFLICT (code) DO UPDATE
    SET name_zh = excluded.name_zh, name_en = excluded.name_en, downstream = excluded.downstream, geom = excluded.geom,
        length_m = excluded.length_m, synthetic = excluded.synthetic, properties = excluded.properties

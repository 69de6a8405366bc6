-- once
-- $1 jsonb: [{code, name_zh, name_en, kind, limit_class, uscc, lon, lat, x, y, datum, properties}]. Returns how many lie outside all wards.
WITH input AS MATERIALIZED (
    SELECT r.*, ST_SetSRID(ST_MakePoint(r.lon, r.lat), 4490) AS geom
    FROM jsonb_to_recordset($1::jsonb)
        AS r (code text, name_zh text, name_en text, kind text, limit_class text, uscc text, lon float8, lat float8,
              x float8, y float8, datum text, properties jsonb)
), stored AS (
    INSERT INTO site (code, name_zh, name_en, kind, limit_class, uscc, ward_id, geom, raw_x, raw_y, source_datum, properties)
    SELECT code, name_zh, name_en, kind, limit_class, nullif(uscc, ''),
           (SELECT w.id FROM ward w WHERE ST_Covers(w.geom, i.geom) ORDER BY w.code LIMIT 1),
           geom, x, y, datum, properties
    FROM input i
    ON CONFLICT (code) DO UPDATE
        SET name_zh = excluded.name_zh, name_en = excluded.name_en, kind = excluded.kind,
            limit_class = excluded.limit_class, uscc = excluded.uscc, ward_id = excluded.ward_id,
            geom = excluded.geom, raw_x = excluded.raw_x, raw_y = excluded.raw_y,
            source_datum = excluded.source_datum, properties = excluded.properties
    RETURNING ward_id
)
SELECT count(*) FILTER (WHERE ward_id IS NULL) FROM stored

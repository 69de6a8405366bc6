-- once
-- $1 jsonb: [{code, name_zh, name_en, ewkb (hex), datum, synthetic, repaired, seat?: [lon, lat], properties}]
INSERT INTO ward (code, name_zh, name_en, geom, seat, source_datum, synthetic, repaired, properties)
SELECT r.code, r.name_zh, r.name_en, ST_GeomFromEWKB(decode(r.ewkb, 'hex')),
       CASE WHEN jsonb_typeof(r.seat) = 'array'
            THEN ST_SetSRID(ST_MakePoint((r.seat->>0)::float8, (r.seat->>1)::float8), 4490) END,
       r.datum, r.synthetic, r.repaired, r.properties
FROM jsonb_to_recordset($1::jsonb)
    AS r (code text, name_zh text, name_en text, ewkb text, datum text, synthetic boolean, repaired text, seat jsonb,
          properties jsonb)
ON CONFLICT (code) DO UPDATE
    SET name_zh = excluded.name_zh, name_en = excluded.name_en, geom = excluded.geom, seat = excluded.seat,
        source_datum = excluded.source_datum, synthetic = excluded.synthetic, repaired = excluded.repaired,
        properties = excluded.properties, updated_at = now()

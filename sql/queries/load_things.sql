-- once
-- $1 jsonb: [{feed, key, name_zh, name_en, class, limit_class, site, lon, lat, x, y, datum, datastreams?: [{property, expected_step_s}], properties}].
-- Returns how many lie outside all wards, and the first feed, site or property that is not there.
WITH input AS MATERIALIZED (
    SELECT r.*, ST_SetSRID(ST_MakePoint(r.lon, r.lat), 4490) AS geom, f.id AS feed_id, s.id AS site_id
    FROM jsonb_to_recordset($1::jsonb)
        AS r (feed text, key text, name_zh text, name_en text, class text, limit_class text, site text, lon float8,
              lat float8, x float8, y float8, datum text, datastreams jsonb, properties jsonb)
    LEFT JOIN feed f ON f.name = r.feed
    LEFT JOIN site s ON s.code = r.site
), wanted AS MATERIALIZED (
    SELECT i.feed_id, i.key, d->>'property' AS code, (d->>'expected_step_s')::int AS step_s, p.id AS property_id
    FROM input i
    CROSS JOIN LATERAL jsonb_array_elements(coalesce(i.datastreams, '[]')) AS d
    LEFT JOIN observed_property p ON p.code = d->>'property'
), stored AS (
    INSERT INTO thing (feed_id, key, name_zh, name_en, class, limit_class, site_id, ward_id, geom, raw_x, raw_y,
                       source_datum, properties)
    SELECT feed_id, key, name_zh, name_en, class, limit_class, site_id,
           (SELECT w.id FROM ward w WHERE ST_Covers(w.geom, i.geom) ORDER BY w.code LIMIT 1),
           geom, x, y, datum, properties
    FROM input i
    WHERE feed_id IS NOT NULL
    ON CONFLICT (feed_id, key) DO UPDATE
        SET name_zh = excluded.name_zh, name_en = excluded.name_en, class = excluded.class,
            limit_class = excluded.limit_class, site_id = excluded.site_id, ward_id = excluded.ward_id,
            geom = excluded.geom, raw_x = excluded.raw_x, raw_y = excluded.raw_y,
            source_datum = excluded.source_datum, properties = excluded.properties, registered = 'loaded'
    RETURNING id, feed_id, key, ward_id
), streams AS (
    INSERT INTO datastream (thing_id, property_id, expected_step_s)
    SELECT s.id, w.property_id, w.step_s
    FROM wanted w
    JOIN stored s USING (feed_id, key)
    WHERE w.property_id IS NOT NULL
    ON CONFLICT (thing_id, property_id, statistic, interval_s) DO UPDATE SET expected_step_s = excluded.expected_step_s
)
SELECT (SELECT count(*) FILTER (WHERE ward_id IS NULL) FROM stored),
       coalesce((SELECT 'feed ' || feed FROM input WHERE feed_id IS NULL LIMIT 1),
                (SELECT 'site ' || site FROM input WHERE site <> '' AND site_id IS NULL LIMIT 1),
                (SELECT 'property ' || code FROM wanted WHERE property_id IS NULL LIMIT 1), '')

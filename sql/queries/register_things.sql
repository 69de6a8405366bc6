-- $1 jsonb: [{feed_id, key, property_id, statistic, interval_s, class, ward_id?, x?, y?, lon?, lat?, datum?}]
-- Things and datastreams that registered themselves, and those that were there already:
-- feed_id, key, thing_id, class, limit_class, ward_id, raw_x, raw_y, property_id, datastream_id, statistic, interval_s
-- A thing stands where the first entry of it that has a place says.
WITH input AS MATERIALIZED (
    SELECT *
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb)
                    AS (feed_id int, key text, property_id int, statistic text, interval_s int, class text, ward_id int, x float8,
                        y float8, lon float8, lat float8, datum text))
        WITH ORDINALITY AS r (feed_id, key, property_id, statistic, interval_s, class, ward_id, x, y, lon, lat, datum, nth)
), one_each AS MATERIALIZED (
    SELECT DISTINCT ON (feed_id, key) * FROM input ORDER BY feed_id, key, lon IS NULL, nth
), fresh AS (
    INSERT INTO thing (feed_id, key, name_zh, name_en, class, ward_id, geom, raw_x, raw_y, source_datum, registered)
    SELECT feed_id, key, key, key, class, ward_id, ST_SetSRID(ST_MakePoint(lon, lat), 4490), x, y,
           coalesce(datum, 'CGCS2000'), 'self'
    FROM one_each
    ON CONFLICT (feed_id, key) DO NOTHING
    RETURNING id, feed_id, key, class, limit_class, ward_id, raw_x, raw_y
), every AS MATERIALIZED (
    SELECT * FROM fresh
    UNION ALL
    SELECT t.id, t.feed_id, t.key, t.class, t.limit_class, t.ward_id, t.raw_x, t.raw_y
    FROM thing t
    JOIN one_each USING (feed_id, key)
), wanted AS MATERIALIZED (
    SELECT DISTINCT e.id AS thing_id, i.property_id, i.statistic, i.interval_s FROM input i JOIN every e USING (feed_id, key)
), streams AS (
    INSERT INTO datastream (thing_id, property_id, statistic, interval_s)
    SELECT thing_id, property_id, statistic, interval_s FROM wanted
    ON CONFLICT (thing_id, property_id, statistic, interval_s) DO NOTHING
    RETURNING id, thing_id, property_id, statistic, interval_s
), every_stream AS (
    SELECT * FROM streams
    UNION ALL
    SELECT d.id, d.thing_id, d.property_id, d.statistic, d.interval_s
    FROM datastream d
    JOIN wanted USING (thing_id, property_id, statistic, interval_s)
)
SELECT e.feed_id, e.key, e.id, e.class, e.limit_class, e.ward_id, e.raw_x, e.raw_y, s.property_id, s.id, s.statistic, s.interval_s
FROM every e
JOIN every_stream s ON s.thing_id = e.id

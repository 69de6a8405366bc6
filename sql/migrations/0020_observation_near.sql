-- A small box on the layer of observations, without reading them all.
SET LOCAL search_path = wardwatch, public;

-- A reading is where its thing stands (foi_id NULL), or where it says. Neither is a column with an index, so a box alone had to look at
-- every reading there is. Which readings were taken in a place of their own is now found from the place; rows of fixed sensors cost nothing.
CREATE INDEX observation_foi ON observation (foi_id) WHERE foi_id IS NOT NULL;

-- For the layer's option `near`: ranges of series and time, none overlapping another, that hold every reading in a box and every one
-- without a place (which any box finds). With its owner's eyes, because readings may be seen whose thing may not; so it answers the server
-- alone, which asks for the readings themselves as the reader.
CREATE FUNCTION observation_near(box geometry) RETURNS TABLE (series bigint, since timestamptz, until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 50 SET search_path = wardwatch, public, pg_temp AS $$
    WITH standing AS MATERIALIZED (
        SELECT d.id FROM thing t JOIN datastream d ON d.thing_id = t.id WHERE t.geom && box),
    moment AS (
        SELECT o.datastream_id AS id, o.phenomenon_time AS at
        FROM feature_of_interest i
        JOIN observation o ON o.foi_id = i.id
        WHERE i.geom && box
        UNION
        SELECT o.datastream_id, o.phenomenon_time
        FROM thing t
        JOIN datastream d ON d.thing_id = t.id
        JOIN observation o ON o.datastream_id = d.id
        WHERE t.geom IS NULL AND o.foi_id IS NULL)
    SELECT s.id, '-infinity'::timestamptz, 'infinity'::timestamptz
    FROM standing s
    WHERE reader_is_server()
    UNION ALL
    SELECT m.id, m.at, m.at
    FROM moment m
    WHERE reader_is_server() AND NOT EXISTS (SELECT FROM standing s WHERE s.id = m.id)
$$;
COMMENT ON FUNCTION observation_near(geometry) IS 'For the server: where in the series the readings of a box are';

COMMENT ON VIEW layers.observation IS 'Observations / 观测数据
Every reading in its newest version, where it was taken
全部观测值（最新版本）及其位置
wardwatch: key=datastream_id,phenomenon_time,interval_s time=phenomenon_time near=wardwatch.observation_near anonymous';

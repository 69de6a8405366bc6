-- The newest valid value of each thing. $1 property, $2 feed, $3 class ('' = any), $4 float8: at most so many seconds old, $5 flags.
-- thing, ward, longitude and latitude where it was not taken where the thing stands, time (microseconds), value.
SELECT s.thing_id, o.ward_id, ST_X(f.geom), ST_Y(f.geom), (extract(epoch FROM o.phenomenon_time) * 1000000)::bigint, o.value
FROM (SELECT d.id, d.thing_id
      FROM datastream d
      JOIN observed_property p ON p.id = d.property_id
      JOIN thing t ON t.id = d.thing_id
      WHERE p.code = $1::text AND d.statistic = ''
        AND ($2::text = '' OR t.feed_id = (SELECT id FROM feed WHERE name = $2::text))
        AND ($3::text = '' OR t.class = $3::text)) s
CROSS JOIN LATERAL (
    SELECT phenomenon_time, value, ward_id, foi_id
    FROM observation
    WHERE datastream_id = s.id AND phenomenon_time > now() - $4::float8 * interval '1 second' AND strpos($5::text, flag::text) > 0
    ORDER BY phenomenon_time DESC, interval_s DESC, version DESC
    LIMIT 1) o
LEFT JOIN feature_of_interest f ON f.id = o.foi_id

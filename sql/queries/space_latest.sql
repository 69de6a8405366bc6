-- The newest valid value of each thing. $1 property, $2 feed, $3 class ('' = any), $4 float8: at most so many seconds old, $5 flags,
-- $6 now, $7 only what had come up to that message, $8 things as they were then ('infinity': as they are).
-- thing, ward, longitude and latitude where it was not taken where the thing stands, time (microseconds), value; at last, with no thing, the
-- newest message in the place of the time. In the order of things, so that the same values are always added up in the same way.
(SELECT s.thing_id, o.ward_id, ST_X(f.geom), ST_Y(f.geom), (extract(epoch FROM o.phenomenon_time) * 1000000)::bigint, o.value
FROM (SELECT d.id, d.thing_id
      FROM datastream d
      JOIN observed_property p ON p.id = d.property_id
      JOIN things_at($8::timestamptz) t ON t.id = d.thing_id
      WHERE p.code = $1::text AND d.statistic = ''
        AND ($2::text = '' OR t.feed_id = (SELECT id FROM feed WHERE name = $2::text))
        AND ($3::text = '' OR t.class = $3::text)) s
CROSS JOIN LATERAL (
    SELECT phenomenon_time, value, ward_id, foi_id, raw_message_id
    FROM observation
    WHERE datastream_id = s.id AND phenomenon_time >= $6::timestamptz - $4::float8 * interval '1 second'
      AND raw_message_id <= $7::bigint AND strpos($5::text, flag::text) > 0
    ORDER BY phenomenon_time DESC, interval_s DESC, version DESC
    LIMIT 1) o
LEFT JOIN feature_of_interest f ON f.id = o.foi_id
ORDER BY s.thing_id, o.phenomenon_time, o.raw_message_id, s.id)
UNION ALL
SELECT NULL, NULL, NULL, NULL, coalesce(max(id), 0), NULL FROM raw_message

-- once
-- The readings that a rule about space sees, in the order in which they came in, superseded versions too: $1 bigint[] datastreams,
-- $2 timestamptz: none that is older, $3 timestamptz: none that came in then or later, $4 boolean: they came in at the end of what
-- they measured, not when they were received.
-- When it came in, thing, ward, longitude and latitude where it was not taken where the thing stands, time, value, flag; and of the version that
-- it supersedes value (NULL: there is none), flag, ward, longitude, latitude. OFFSET 0 keeps that look-up to those that supersede.
SELECT c.at, s.thing_id, o.ward_id, ST_X(f.geom), ST_Y(f.geom), o.phenomenon_time, o.value, o.flag,
       p.value, p.flag, p.ward_id, ST_X(pf.geom), ST_Y(pf.geom)
FROM datastream s
JOIN observation o ON o.datastream_id = s.id
JOIN raw_message m ON m.id = o.raw_message_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN $4::boolean THEN o.phenomenon_time + o.interval_s * interval '1 second' ELSE m.received_at END AS at) c
LEFT JOIN feature_of_interest f ON f.id = o.foi_id
LEFT JOIN LATERAL (
    SELECT x.value, x.flag, x.ward_id, x.foi_id
    FROM observation x
    WHERE o.version > 1 AND x.datastream_id = o.datastream_id AND x.phenomenon_time = o.phenomenon_time
      AND x.interval_s = o.interval_s AND x.version = o.version - 1
    OFFSET 0) p ON true
LEFT JOIN feature_of_interest pf ON pf.id = p.foi_id
WHERE s.id = ANY ($1::bigint[]) AND o.phenomenon_time >= $2::timestamptz AND c.at < $3::timestamptz
ORDER BY c.at, o.raw_message_id, o.phenomenon_time, o.interval_s, o.version, o.datastream_id

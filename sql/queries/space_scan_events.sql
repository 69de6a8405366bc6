-- The events of a scan rule, by place and day, and which messages of the last minutes they hold, as one snapshot sees both: what
-- commits meanwhile is counted once. $1 property, $2 feed, $3 class ('' = any), $4 int days, $5 flags, $6 above, $7 below (NULL = no
-- such bound), $8 boolean: values are numbers of events, $9 now, $10 only what had come up to that message, $11 things as
-- they were then ('infinity': as they are).
-- Events: thing, ward, longitude, latitude, day since 1970-01-01, events. Messages: NULL, raw_message id. The newest message of all that
-- the snapshot held: 0, NULL, …, its id.
-- Of each time the newest version counts; OFFSET 0 keeps the walk along the primary key (recent_readings.sql says why).
WITH zone AS (
    SELECT coalesce((SELECT value->>'time_zone' FROM setting WHERE key = 'district'), 'UTC') AS name
), period AS (
    SELECT (date_trunc('day', $9::timestamptz AT TIME ZONE z.name) - make_interval(days => $4::int - 1)) AT TIME ZONE z.name AS since
    FROM zone z
), series AS (
    SELECT d.id, d.thing_id, t.geom
    FROM datastream d
    JOIN observed_property p ON p.id = d.property_id
    JOIN things_at($11::timestamptz) t ON t.id = d.thing_id
    WHERE p.code = $1::text AND d.statistic = ''
      AND ($2::text = '' OR t.feed_id = (SELECT id FROM feed WHERE name = $2::text))
      AND ($3::text = '' OR t.class = $3::text)
), events AS (
    SELECT s.thing_id, o.ward_id, coalesce(f.geom, s.geom) AS geom,
           (o.phenomenon_time AT TIME ZONE z.name)::date - date '1970-01-01' AS day,
           CASE WHEN $8::boolean THEN greatest(round(o.value), 0) ELSE 1 END AS n
    FROM zone z, period q, series s
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (phenomenon_time, interval_s) phenomenon_time, value, flag, ward_id, foi_id
        FROM observation
        WHERE datastream_id = s.id AND phenomenon_time >= q.since AND raw_message_id <= $10::bigint
        ORDER BY phenomenon_time DESC, interval_s DESC, version DESC
        OFFSET 0) o
    LEFT JOIN feature_of_interest f ON f.id = o.foi_id
    WHERE strpos($5::text, o.flag::text) > 0
      AND (($6::float8 IS NULL AND $7::float8 IS NULL) OR o.value > $6::float8 OR o.value < $7::float8)
)
SELECT e.thing_id, e.ward_id, ST_X(e.geom), ST_Y(e.geom), e.day, sum(e.n)::bigint
FROM events e
GROUP BY e.thing_id, e.ward_id, e.geom, e.day
UNION ALL
SELECT NULL, m.id, NULL, NULL, NULL, NULL
FROM raw_message m
WHERE m.received_at > $9::timestamptz - interval '5 minutes' AND m.id <= $10::bigint
  AND m.feed_id IN (SELECT DISTINCT t.feed_id FROM series s JOIN thing t ON t.id = s.thing_id)
UNION ALL
SELECT 0, NULL, NULL, NULL, NULL, coalesce(max(id), 0) FROM raw_message

-- Computes from the stored observations, the rules and the limits when each alert must open and clear, in plain SQL
-- over windows, without anything that the server's detector left behind. Table `again.alert` is what should be
-- in `wardwatch.alert`.
--
-- Beside wardwatch's own tables it reads, from the test:
--   again.factor (unit, property, factor)     what one of a limit's unit is in the property's unit
-- Variable `zone`: the district's time zone, whose calendar cuts the means.

SET jit = off; -- compiling a plan over a hundred partitions takes longer than running it

CREATE TABLE again.rule AS
SELECT r.id AS rule_id, r.code, p.id AS property_id, p.code AS property,
       r.config->>'standard' AS standard, r.config->>'averaging' AS averaging,
       r.config->>'limit_class' AS limit_class, r.config->>'thing_class' AS thing_class,
       coalesce(r.config->>'judge', 'reading') = 'mean' AS is_mean,
       CASE r.config->>'averaging' WHEN '1h' THEN 1 WHEN '8h' THEN 8 WHEN '24h' THEN 24 END AS hours,
       coalesce((r.config->'fire'->>0)::int, 1) AS fire_k, coalesce((r.config->'fire'->>1)::int, 1) AS fire_n,
       coalesce((r.config->'clear'->>0)::int, 1) AS clear_k, coalesce((r.config->'clear'->>1)::int, 1) AS clear_n,
       coalesce((r.config->>'clear_ratio')::float8, 1) AS clear_ratio,
       coalesce((r.config->>'min_coverage')::float8, 0.75) AS min_coverage,
       coalesce((r.config->>'expected_step_s')::float8, 3600) AS step_s
FROM wardwatch.rule r
JOIN wardwatch.observed_property p ON p.code = r.config->>'property';

-- Which series a rule watches, and where alerts of that series belong: the ward around the station, or, for
-- a thing without a place, the ward whose code it bears.
CREATE TABLE again.watch AS
SELECT r.*, d.id AS datastream_id, f.name AS feed, t.key AS thing, coalesce(r.limit_class, t.limit_class) AS class,
       coalesce((SELECT w.id FROM wardwatch.ward w WHERE ST_Covers(w.geom, t.geom) ORDER BY w.code LIMIT 1),
                (SELECT w.id FROM wardwatch.ward w WHERE t.geom IS NULL AND w.code = t.key)) AS ward_id
FROM again.rule r
JOIN wardwatch.datastream d USING (property_id)
JOIN wardwatch.thing t ON t.id = d.thing_id AND (r.thing_class IS NULL OR r.thing_class = t.class)
JOIN wardwatch.feed f ON f.id = t.feed_id;

-- What had been read of a series when each reading came: the newest time of all messages before its own. Within a
-- message readings count in the order of their times.
CREATE TABLE again.arrival AS
SELECT o.datastream_id, o.phenomenon_time, o.interval_s, o.value, o.version, o.flag,
       max(o.phenomenon_time) OVER (PARTITION BY o.datastream_id ORDER BY o.raw_message_id
                                    GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newest_before
FROM wardwatch.observation o
WHERE o.datastream_id IN (SELECT datastream_id FROM again.watch);

-- Readings as judged: the first version of each (a mean is not computed again for a correction; rules on
-- single readings see none here), with the calendar bucket of means; not those that came too late, which here means
-- months late, or after their bucket.
CREATE TABLE again.reading AS
SELECT w.rule_id, w.datastream_id, o.phenomenon_time, o.value, coalesce(nullif(o.interval_s, 0), w.step_s) AS covers_s,
       CASE WHEN w.is_mean
            THEN date_bin(make_interval(hours => w.hours), o.phenomenon_time AT TIME ZONE :'zone', '2000-01-01') END AS bucket
FROM again.watch w
JOIN again.arrival o USING (datastream_id)
WHERE o.version = 1 AND o.flag = 'N'
  AND NOT coalesce(CASE WHEN w.is_mean
                        THEN date_bin(make_interval(hours => w.hours), o.phenomenon_time AT TIME ZONE :'zone', '2000-01-01')
                             < date_bin(make_interval(hours => w.hours), o.newest_before AT TIME ZONE :'zone', '2000-01-01')
                        ELSE o.phenomenon_time < o.newest_before END, false);

-- Samples: readings, or means of buckets that are full enough and that a later bucket has ended. Sums in decimal
-- numbers: exact.
CREATE TABLE again.sample AS
SELECT rule_id, datastream_id, phenomenon_time AS at, value
FROM again.reading
WHERE bucket IS NULL
UNION ALL
SELECT rule_id, datastream_id, at, mean
FROM (SELECT b.rule_id, b.datastream_id, b.bucket AT TIME ZONE :'zone' AS at,
             (sum(b.value::numeric * b.covers_s::numeric) / sum(b.covers_s::numeric))::float8 AS mean,
             sum(b.covers_s) >= r.min_coverage * extract(epoch FROM (b.bucket + make_interval(hours => r.hours))
                                                         AT TIME ZONE :'zone' - b.bucket AT TIME ZONE :'zone') AS is_full,
             lead(b.bucket) OVER (PARTITION BY b.rule_id, b.datastream_id ORDER BY b.bucket) IS NOT NULL AS is_over
      FROM again.reading b
      JOIN again.rule r USING (rule_id)
      WHERE b.bucket IS NOT NULL
      GROUP BY b.rule_id, b.datastream_id, b.bucket, r.min_coverage, r.hours) AS buckets
WHERE is_full AND is_over;

-- Each sample against the limit of its own time. A trillionth of slack, because the server converts units in
-- binary fractions: what equals the limit does not exceed it.
CREATE TABLE again.judged AS
SELECT s.rule_id, s.datastream_id, s.at, s.value, l.id AS limit_id,
       s.value > l.upper * f.factor * (1 + 1e-12) AS exceeds,
       s.value <= l.upper * f.factor * w.clear_ratio * (1 + 1e-12) AS within,
       row_number() OVER (PARTITION BY s.rule_id, s.datastream_id ORDER BY s.at) AS n
FROM again.sample s
JOIN again.watch w USING (rule_id, datastream_id)
JOIN wardwatch.limit_value l
  ON l.property_id = w.property_id AND l.class = w.class AND l.averaging = w.averaging AND l.lower IS NULL
 AND (l.standard_no = w.standard OR l.standard_no LIKE w.standard || '-%')
 AND s.at >= l.valid_from AND s.at < l.valid_to
JOIN again.factor f ON f.unit = l.unit AND f.property = w.property;
ALTER TABLE again.judged ADD PRIMARY KEY (rule_id, datastream_id, n);
ANALYZE again.judged;

-- k of the last n, by differences of running sums; then the switch: what counts is the last mark before.
CREATE TABLE again.alert AS
WITH running AS (
    SELECT j.*, sum(exceeds::int) OVER w AS n_exceed, sum(within::int) OVER w AS n_within
    FROM again.judged j
    WINDOW w AS (PARTITION BY rule_id, datastream_id ORDER BY n)
), marked AS (
    SELECT rule_id, datastream_id, n, at, limit_id,
           CASE WHEN exceeds AND n_exceed - coalesce(lag(n_exceed, r.fire_n) OVER w, 0) >= r.fire_k THEN 'on'
                WHEN within AND n_within - coalesce(lag(n_within, r.clear_n) OVER w, 0) >= r.clear_k THEN 'off' END AS mark
    FROM running
    JOIN again.rule r USING (rule_id)
    WINDOW w AS (PARTITION BY rule_id, datastream_id ORDER BY n)
), switches AS (
    SELECT *, lag(mark, 1, 'off') OVER (PARTITION BY rule_id, datastream_id ORDER BY n) AS before
    FROM marked
    WHERE mark IS NOT NULL
), turns AS (
    SELECT *, lead(n) OVER w AS end_n, lead(at) OVER w AS end_at
    FROM switches
    WHERE mark <> before
    WINDOW w AS (PARTITION BY rule_id, datastream_id ORDER BY n)
)
SELECT t.rule_id, t.datastream_id, w.ward_id, t.at AS opened_at, t.end_at AS cleared_at, t.limit_id,
       worst.value AS peak_value, worst.at AS peak_at, seen.exceed_count, seen.last_exceeded_at
FROM turns t
JOIN again.watch w USING (rule_id, datastream_id)
-- An alert counts from the window that fired it to its end.
CROSS JOIN LATERAL (
    SELECT count(*) AS exceed_count, max(j.at) AS last_exceeded_at
    FROM again.judged j
    WHERE j.rule_id = t.rule_id AND j.datastream_id = t.datastream_id AND j.exceeds
      AND j.n > t.n - greatest(w.fire_n, w.clear_n) AND j.n < coalesce(t.end_n, 2147483647)) AS seen
CROSS JOIN LATERAL (
    SELECT j.value, j.at
    FROM again.judged j
    WHERE j.rule_id = t.rule_id AND j.datastream_id = t.datastream_id AND j.exceeds
      AND j.n > t.n - greatest(w.fire_n, w.clear_n) AND j.n < coalesce(t.end_n, 2147483647)
    ORDER BY j.value DESC, j.at
    LIMIT 1) AS worst
WHERE t.mark = 'on';

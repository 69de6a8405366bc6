-- once
-- The readings of some datastreams in the order in which they came in, superseded versions too, with those before the start
-- that the judging state needs: $1 bigint[] datastreams, $2 int[] how many valid readings before, $3 bigint[] how many
-- microseconds before, $4 text[] the flags that are valid, $5 from, $6 to (phenomenon times, from inclusive, to not),
-- $7 boolean: of all of them together; else one after the other.
-- Place in the array (from 1), time (as text: to make microseconds of it takes PostgreSQL longer than us), interval_s, value, flag, ward_id, and, when older ones are left out, the time before
-- which they are. As recent_readings.sql, from another moment on. Between walks_begin and walks_end.
SELECT d.nth, o.phenomenon_time, o.interval_s, o.value, o.flag, o.ward_id,
       CASE WHEN c.older THEN (extract(epoch FROM r.since) * 1000000)::bigint END
FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::text[]) WITH ORDINALITY AS d (id, readings, span_us, flags, nth)
CROSS JOIN LATERAL (
    SELECT least(min(t.phenomenon_time), $5::timestamptz - d.span_us * interval '1 microsecond') AS since
    FROM (SELECT v.phenomenon_time
          FROM (SELECT DISTINCT ON (phenomenon_time, interval_s) phenomenon_time, flag
                FROM observation
                WHERE datastream_id = d.id AND phenomenon_time < $5::timestamptz
                ORDER BY phenomenon_time DESC, interval_s DESC, version DESC) v
          WHERE strpos(d.flags, v.flag::text) > 0
          ORDER BY v.phenomenon_time DESC
          LIMIT d.readings) t) r
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM observation WHERE datastream_id = d.id AND phenomenon_time < r.since) AS older) c
CROSS JOIN LATERAL (
    SELECT raw_message_id, phenomenon_time, interval_s, version, value, flag, ward_id
    FROM observation
    WHERE datastream_id = d.id AND phenomenon_time >= r.since AND phenomenon_time < $6::timestamptz
    OFFSET 0) o
ORDER BY CASE WHEN $7::boolean THEN 0 ELSE d.nth END, o.raw_message_id, o.phenomenon_time, o.interval_s, o.version, d.nth

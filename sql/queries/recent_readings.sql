-- The recent past of datastreams in the order in which it came in, superseded versions too: replaying it gives
-- the judging state that was there. $1 bigint[] datastreams, $2 int[] how many valid readings at least, $3 bigint[]
-- how many microseconds at least, $4 text[] the flags that are valid, $5 bigint: as known when that message was the last. Place in the array (from 1), time, interval_s,
-- value, flag, and, when older ones are left out, the time before which they are.
-- DISTINCT ON walks the primary key and takes the newest version of each; observation_current, which asks for each
-- row whether there is a newer one, would join every partition with every other, and with many of them the
-- planning alone takes many seconds. OFFSET 0 keeps "since" a bound of the walk; as a filter of a join it would be looked
-- at after all rows have been read. Between walks_begin and walks_end.
SELECT d.nth, (extract(epoch FROM o.phenomenon_time) * 1000000)::bigint, o.interval_s, o.value, o.flag,
       CASE WHEN c.older THEN (extract(epoch FROM r.since) * 1000000)::bigint END
FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::text[]) WITH ORDINALITY AS d (id, readings, span_us, flags, nth)
CROSS JOIN LATERAL (
    SELECT least(min(t.phenomenon_time), max(t.phenomenon_time) - d.span_us * interval '1 microsecond') AS since
    FROM (SELECT v.phenomenon_time
          FROM (SELECT DISTINCT ON (phenomenon_time, interval_s) phenomenon_time, flag
                FROM observation
                WHERE datastream_id = d.id AND raw_message_id <= $5::bigint
                ORDER BY phenomenon_time DESC, interval_s DESC, version DESC) v
          WHERE strpos(d.flags, v.flag::text) > 0
          ORDER BY v.phenomenon_time DESC
          LIMIT d.readings) t) r
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM observation WHERE datastream_id = d.id AND phenomenon_time < r.since AND raw_message_id <= $5::bigint) AS older) c
CROSS JOIN LATERAL (
    SELECT raw_message_id, phenomenon_time, interval_s, version, value, flag
    FROM observation
    WHERE datastream_id = d.id AND phenomenon_time >= r.since AND raw_message_id <= $5::bigint
    OFFSET 0) o
ORDER BY d.nth, o.raw_message_id, o.phenomenon_time, o.interval_s, o.version

-- $1 bigint[]: datastreams. For each with observations: its place in the array (from 1), newest time in microseconds.
SELECT d.nth, (extract(epoch FROM o.phenomenon_time) * 1000000)::bigint
FROM unnest($1::bigint[]) WITH ORDINALITY AS d (id, nth)
CROSS JOIN LATERAL (
    SELECT phenomenon_time FROM observation WHERE datastream_id = d.id ORDER BY phenomenon_time DESC LIMIT 1) o

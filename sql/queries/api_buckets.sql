-- Buckets of a datastream over time, each with count, smallest, largest, mean, first and last of its readings; empty ones are
-- left out. Of each reading the newest version, as in api_observations.sql, whose walk along the primary key this is: what stands first
-- and last in a bucket is seen from the neighbours too.
-- $1 wards, $2 after, $3 limit, $4 with geometry; $5 datastream, $6 from, $7 to (exclusive), $8 width as an ISO 8601 duration of one unit,
-- or $9 how many buckets from $6 to $7; $10 zone, $11 flags that count (NULL: all).
--
-- Days, weeks, months and years begin at local midnight, weeks on Monday, and are as long as they are there. What is shorter has one length
-- and is counted from a local midnight (1970-01-05); $9 buckets are counted from $6.
WITH w AS MATERIALIZED (
    SELECT (extract(year FROM i) * 12 + extract(month FROM i))::int AS months, extract(day FROM i)::int AS days, i,
           CASE WHEN $8::text IS NULL THEN $6::timestamptz ELSE timestamp '1970-01-05' AT TIME ZONE z END AS origin, z
    FROM (SELECT coalesce($8::text::interval,
                          ceil(extract(epoch FROM $7::timestamptz - $6::timestamptz) * 1000000 / $9::bigint)::bigint
                          * interval '1 microsecond') AS i,
                 coalesce($10::text, 'UTC') AS z) x)
SELECT b.start::text,
       json_build_object('start', b.start, 'count', b.n, 'min', b.min, 'max', b.max, 'mean', b.mean, 'first', b.first, 'last', b.last)::text,
       NULL
FROM (SELECT c.start, count(*) AS n, min(c.value) AS min, max(c.value) AS max, avg(c.value) AS mean,
             max(c.value) FILTER (WHERE c.is_first) AS first, max(c.value) FILTER (WHERE c.is_last) AS last
      FROM (SELECT v.start, v.value,
                   lag(v.start) OVER walk IS DISTINCT FROM v.start AS is_first,
                   lead(v.start) OVER walk IS DISTINCT FROM v.start AS is_last
            FROM (SELECT x.phenomenon_time, x.interval_s, x.value, x.ward_id, x.flag,
                         CASE WHEN w.months > 0
                              THEN (timestamp '1970-01-01' + make_interval(months => w.months * floor(
                                    ((extract(year FROM l.t) - 1970) * 12 + extract(month FROM l.t) - 1) / w.months)::int)) AT TIME ZONE w.z
                              WHEN w.days > 0
                              THEN date_bin(make_interval(days => w.days), l.t, timestamp '1970-01-05') AT TIME ZONE w.z
                              ELSE date_bin(w.i, x.phenomenon_time, w.origin)
                         END AS start,
                         coalesce(lead(x.phenomenon_time) OVER versions = x.phenomenon_time
                                  AND lead(x.interval_s) OVER versions = x.interval_s, false) AS is_superseded
                  FROM w, wardwatch.observation x
                  CROSS JOIN LATERAL (SELECT x.phenomenon_time AT TIME ZONE coalesce($10::text, 'UTC') AS t) l
                  WHERE x.datastream_id = $5::bigint
                    AND NOT $4::boolean
                    AND x.phenomenon_time >= $6::timestamptz
                    AND x.phenomenon_time < $7::timestamptz
                    AND ($2::text IS NULL OR x.phenomenon_time > $2::text::timestamptz)
                  WINDOW versions AS (ORDER BY x.phenomenon_time, x.interval_s, x.version)) v
            WHERE NOT v.is_superseded
              AND ($2::text IS NULL OR v.start > $2::text::timestamptz)
              AND ($11::text IS NULL OR strpos($11::text, v.flag::text) > 0)
              AND CASE WHEN $1::int[] IS NULL THEN true ELSE v.ward_id = ANY ($1::int[]) END
            WINDOW walk AS (ORDER BY v.phenomenon_time, v.interval_s)) c
      GROUP BY c.start
      ORDER BY c.start
      LIMIT $3::bigint) b
ORDER BY b.start;

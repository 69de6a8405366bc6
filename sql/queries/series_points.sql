-- once
-- For a chart, in the order of time: time and value of a datastream's readings, of each the newest version (api_observations.sql).
-- $1 wards, $2 datastream, $3 from, $4 to (exclusive), $5 flags that count (NULL: all).
SELECT v.phenomenon_time, v.value
FROM (SELECT x.phenomenon_time, x.interval_s, x.value, x.ward_id, x.flag,
             coalesce(lead(x.phenomenon_time) OVER walk = x.phenomenon_time
                      AND lead(x.interval_s) OVER walk = x.interval_s, false) AS is_superseded
      FROM wardwatch.observation x
      WHERE x.datastream_id = $2::bigint AND x.phenomenon_time >= $3::timestamptz AND x.phenomenon_time < $4::timestamptz
      WINDOW walk AS (ORDER BY x.phenomenon_time, x.interval_s, x.version)) v
WHERE NOT v.is_superseded
  AND ($5::text IS NULL OR strpos($5::text, v.flag::text) > 0)
  AND CASE WHEN $1::int[] IS NULL THEN true ELSE v.ward_id = ANY ($1::int[]) END
ORDER BY v.phenomenon_time, v.interval_s;

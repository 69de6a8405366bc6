-- The values of one datastream, newest first; of each value the newest version, or the newest known at $8.
-- $1 wards, $2 after, $3 limit, $4 with geometry; $5 datastream, $6 from, $7 to (exclusive), $8 as known at.
--
-- Whether a version is superseded is seen from its neighbour in the order of the primary key, so that the plan
-- walks the key and stops at the LIMIT; an anti-join would read the whole datastream first. The wards are
-- compared after that, because a correction may have been measured elsewhere. The LIMIT takes from the window as it walks: an
-- ORDER BY beside it, which says the same, would keep the planner from planning for so few rows, and make it sort the whole
-- datastream. CASE keeps it from believing that hardly a row is visible, and from sorting for that.
SELECT o.phenomenon_time::text || '|' || o.interval_s,
       json_build_object('time', o.phenomenon_time, 'interval_s', o.interval_s, 'value', o.value, 'flag', o.flag,
                         'version', o.version, 'ward', w.code, 'raw_message', o.raw_message_id,
                         'received_at', m.received_at, 'detail', o.detail)::text,
       NULL
FROM (SELECT *
      FROM (SELECT x.*,
                   coalesce(lag(x.phenomenon_time) OVER walk = x.phenomenon_time
                            AND lag(x.interval_s) OVER walk = x.interval_s, false) AS is_superseded
            FROM wardwatch.observation x
            WHERE x.datastream_id = $5::bigint
              AND NOT $4::boolean
              AND ($6::timestamptz IS NULL OR x.phenomenon_time >= $6::timestamptz)
              AND ($7::timestamptz IS NULL OR x.phenomenon_time < $7::timestamptz)
              AND ($8::timestamptz IS NULL
                   OR EXISTS (SELECT FROM wardwatch.message_time k
                              WHERE k.id = x.raw_message_id AND k.received_at <= $8::timestamptz))
              AND ($2::text IS NULL
                   OR (x.phenomenon_time, x.interval_s)
                      < (split_part($2::text, '|', 1)::timestamptz, split_part($2::text, '|', 2)::int))
            WINDOW walk AS (ORDER BY x.phenomenon_time DESC, x.interval_s DESC, x.version DESC)) v
      WHERE NOT v.is_superseded
        AND CASE WHEN $1::int[] IS NULL THEN true ELSE v.ward_id = ANY ($1::int[]) END
      LIMIT $3::bigint) o
LEFT JOIN wardwatch.ward w ON w.id = o.ward_id
LEFT JOIN wardwatch.message_time m ON m.id = o.raw_message_id
ORDER BY o.phenomenon_time DESC, o.interval_s DESC;

-- The values of one datastream, oldest first; of each value the newest version, or the newest known at $8.
-- $1 wards, $2 after, $3 limit, $4 with geometry; $5 datastream, $6 from, $7 to (exclusive), $8 as known at.
SELECT o.phenomenon_time::text || '|' || o.interval_s || '|' || o.version,
       json_build_object('time', o.phenomenon_time, 'interval_s', o.interval_s, 'value', o.value, 'flag', o.flag,
                         'version', o.version, 'ward', w.code, 'raw_message', o.raw_message_id,
                         'received_at', m.received_at, 'detail', o.detail)::text,
       NULL
FROM wardwatch.observation o
LEFT JOIN wardwatch.ward w ON w.id = o.ward_id
LEFT JOIN wardwatch.raw_message m ON m.id = o.raw_message_id
WHERE o.datastream_id = $5::bigint
  AND NOT $4::boolean
  AND ($1::int[] IS NULL OR o.ward_id = ANY ($1::int[]))
  AND ($6::timestamptz IS NULL OR o.phenomenon_time >= $6::timestamptz)
  AND ($7::timestamptz IS NULL OR o.phenomenon_time < $7::timestamptz)
  AND ($8::timestamptz IS NULL OR m.received_at <= $8::timestamptz)
  AND ($2::text IS NULL
       OR (o.phenomenon_time, o.interval_s, o.version) >
          (split_part($2::text, '|', 1)::timestamptz, split_part($2::text, '|', 2)::int, split_part($2::text, '|', 3)::smallint))
  AND NOT EXISTS (SELECT
                  FROM wardwatch.observation n
                  LEFT JOIN wardwatch.raw_message nm ON $8::timestamptz IS NOT NULL AND nm.id = n.raw_message_id
                  WHERE n.datastream_id = o.datastream_id AND n.phenomenon_time = o.phenomenon_time
                    AND n.interval_s = o.interval_s AND n.version > o.version
                    AND ($8::timestamptz IS NULL OR nm.received_at <= $8::timestamptz))
ORDER BY o.phenomenon_time, o.interval_s, o.version
LIMIT $3::bigint;

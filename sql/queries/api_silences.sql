-- Silences, newest first, with what they hid. $1 wards (not looked at: row-level security says who sees what), $2 after, $3 limit, $4 with geometry;
-- $5 state, $6 id.
SELECT m.key, m.item::text, NULL
FROM (SELECT s.id, s.id::text AS key, wardwatch.silence_json(s) AS item
      FROM wardwatch.silence s
      WHERE ($1::int[] IS NULL OR true) AND NOT $4::boolean
        AND ($2::text IS NULL OR s.id < $2::text::bigint)
        AND ($6::text IS NULL OR s.id = $6::text::bigint)) m
WHERE $5::text IS NULL OR m.item->>'state' = $5::text
ORDER BY m.id DESC
LIMIT $3::bigint;

-- Maintenance windows, newest first, with what they hid. $1 wards, $2 after, $3 limit, $4 with geometry; $5 ward, $6 state, $7 id.
SELECT m.key, m.item::text, NULL
FROM (SELECT w.id, w.id::text AS key, wardwatch.maintenance_json(w) AS item, wardwatch.maintenance_ward(w) AS ward_id
      FROM wardwatch.maintenance_window w
      WHERE ($2::text IS NULL OR w.id < $2::text::bigint) AND NOT $4::boolean
        AND ($7::text IS NULL OR w.id = $7::text::bigint)
        AND ($1::int[] IS NULL OR wardwatch.maintenance_ward(w) = ANY ($1::int[]))
        AND ($5::text IS NULL OR wardwatch.maintenance_ward(w) = (SELECT x.id FROM wardwatch.ward x WHERE x.code = $5::text))) m
WHERE $6::text IS NULL OR m.item->>'state' = $6::text
ORDER BY m.id DESC
LIMIT $3::bigint;

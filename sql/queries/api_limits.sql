-- Limits as they are kept. $1 wards (limits have none), $2 after, $3 limit, $4 with geometry;
-- $5 property, $6 class, $7 standard, $8 in force at, $9 id.
SELECT l.id::text,
       json_build_object('id', l.id, 'property', p.code, 'standard_no', l.standard_no, 'edition', l.edition, 'class', l.class,
                         'phase', l.phase, 'averaging', l.averaging, 'lower', l.lower, 'upper', l.upper, 'unit', l.unit,
                         'hour_from', l.hour_from, 'hour_to', l.hour_to, 'jurisdiction', l.jurisdiction,
                         'valid_from', l.valid_from, 'valid_to', nullif(l.valid_to, 'infinity'), 'status', l.status,
                         'source', l.source, 'note', l.note)::text,
       NULL
FROM wardwatch.limit_value l
JOIN wardwatch.observed_property p ON p.id = l.property_id
WHERE ($1::int[] IS NULL OR true) AND NOT $4::boolean
  AND ($2::text IS NULL OR l.id > $2::text::bigint)
  AND ($5::text IS NULL OR p.code = $5::text)
  AND ($6::text IS NULL OR l.class = $6::text)
  AND ($7::text IS NULL OR l.standard_no = $7::text)
  AND ($8::timestamptz IS NULL OR (l.valid_from <= $8::timestamptz AND $8::timestamptz < l.valid_to))
  AND ($9::bigint IS NULL OR l.id = $9::bigint)
ORDER BY l.id
LIMIT $3::bigint;

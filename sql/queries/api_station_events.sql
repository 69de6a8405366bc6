-- What happened to a station, newest first. $1 wards (only accounts over all wards may ask), $2 after, $3 limit, $4 with
-- geometry; $5 mn, $6 kind.
SELECT e.id::text, json_build_object('id', e.id, 'kind', e.kind, 'at', e.at, 'detail', e.detail)::text, NULL
FROM wardwatch.station_event e
WHERE $1::int[] IS NULL AND NOT $4::boolean AND e.mn = $5::text
  AND ($6::text IS NULL OR e.kind = $6::text)
  AND ($2::text IS NULL OR e.id < $2::text::bigint)
ORDER BY e.id DESC
LIMIT $3::bigint;

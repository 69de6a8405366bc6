-- The trace of one alert as GeoJSON. $1 wards, $2 after, $3 limit, $4 with geometry (not looked at); $5 id.
SELECT a.id::text, (t.geojson || jsonb_build_object('as_of', t.as_of, 'trace', t.trace))::text, NULL
FROM wardwatch.alert a
JOIN wardwatch.alert_trace t ON t.alert_id = a.id
WHERE a.id = $5::bigint
  AND ($1::int[] IS NULL OR a.ward_id = ANY ($1::int[]))
  AND ($2::text IS NULL OR true) AND ($3::bigint IS NULL OR true) AND ($4::boolean IS NULL OR true);

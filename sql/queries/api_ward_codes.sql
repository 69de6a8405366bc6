-- The codes of the wards $1, as a JSON array.
SELECT coalesce(json_agg(code ORDER BY code), '[]')::text FROM wardwatch.ward WHERE id = ANY ($1::int[]);

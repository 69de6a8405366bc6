-- What a rule's config refers to: is it there? '' = the config names none.
-- $1 property, $2 standard ("GB 3095" stands for all its editions, as in ingest/judge.c), $3 averaging, $4 limit class,
-- $5 feed, $6 wards and $7 properties (JSON arrays of codes). Returns: property is there, limits are there, feed is there, a ward that
-- is not, a property that is not.
SELECT $1::text = '' OR p.id IS NOT NULL,
       $2::text = ''
       OR EXISTS (SELECT FROM wardwatch.limit_value l
                  WHERE l.property_id = p.id
                    AND (l.standard_no = $2::text OR starts_with(l.standard_no, $2::text || '-'))
                    AND l.averaging = $3::text
                    AND ($4::text = '' OR l.class = $4::text)),
       $5::text = '' OR EXISTS (SELECT FROM wardwatch.feed WHERE name = $5::text),
       (SELECT min(c.code)
        FROM jsonb_array_elements_text(CASE WHEN $6::text = '' THEN '[]' ELSE $6::text END::jsonb) AS c (code)
        WHERE NOT EXISTS (SELECT FROM wardwatch.ward w WHERE w.code = c.code)),
       (SELECT min(c.code)
        FROM jsonb_array_elements_text(CASE WHEN $7::text = '' THEN '[]' ELSE $7::text END::jsonb) AS c (code)
        WHERE NOT EXISTS (SELECT FROM wardwatch.observed_property o WHERE o.code = c.code))
FROM (SELECT) one
LEFT JOIN wardwatch.observed_property p ON p.code = $1::text;

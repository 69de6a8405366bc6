-- What a rule's config refers to: is the property known, are there limits for it?
-- $1 property, $2 standard ("GB 3095" stands for all its editions, as in ingest/judge.c), $3 averaging, $4 limit class (NULL: any).
SELECT p.id IS NOT NULL,
       EXISTS (SELECT FROM wardwatch.limit_value l
               WHERE l.property_id = p.id
                 AND (l.standard_no = $2::text OR starts_with(l.standard_no, $2::text || '-'))
                 AND l.averaging = $3::text
                 AND ($4::text IS NULL OR l.class = $4::text))
FROM (SELECT) one
LEFT JOIN wardwatch.observed_property p ON p.code = $1::text;

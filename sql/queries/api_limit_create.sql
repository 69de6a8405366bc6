-- A new limit: $1 property, $2 standard, $3 edition, $4 class, $5 phase, $6 averaging, $7 lower, $8 upper, $9 unit,
-- $10 hour_from, $11 hour_to, $12 jurisdiction, $13 valid_from, $14 valid_to, $15 status, $16 source, $17 note.
INSERT INTO wardwatch.limit_value (property_id, standard_no, edition, class, phase, averaging, lower, upper, unit, hour_from,
                                   hour_to, jurisdiction, valid_from, valid_to, status, source, note)
SELECT p.id, $2::text, coalesce($3::text, ''), $4::text, coalesce($5::text, ''), $6::text, $7::float8, $8::float8, $9::text,
       coalesce($10::smallint, 0), coalesce($11::smallint, 0), coalesce($12::text, 'CN'), $13::timestamptz,
       coalesce($14::timestamptz, 'infinity'), $15::text, $16::text, coalesce($17::text, '')
FROM wardwatch.observed_property p
WHERE p.code = $1::text
RETURNING json_build_object('id', id)::text;

-- once
-- $1 … $17 as in api_limit_create. A limit that is there already, whatever is said of its source, is left alone; one that
-- contradicts it breaks the table's constraint.
INSERT INTO limit_value (property_id, standard_no, edition, class, phase, averaging, lower, upper, unit, hour_from, hour_to,
                         jurisdiction, valid_from, valid_to, status, source, note)
SELECT p.id, n.*
FROM observed_property p
CROSS JOIN (SELECT $2::text AS standard_no, coalesce($3::text, '') AS edition, $4::text AS class,
                   coalesce($5::text, '') AS phase, $6::text AS averaging, $7::float8 AS lower, $8::float8 AS upper,
                   $9::text AS unit, coalesce($10::smallint, 0::smallint) AS hour_from,
                   coalesce($11::smallint, 0::smallint) AS hour_to, coalesce($12::text, 'CN') AS jurisdiction,
                   $13::timestamptz AS valid_from, coalesce($14::timestamptz, 'infinity') AS valid_to, $15::text AS status,
                   $16::text AS source, coalesce($17::text, '') AS note) AS n
WHERE p.code = $1::text
  AND NOT EXISTS (
      SELECT FROM limit_value l
      WHERE l.property_id = p.id
        AND (l.standard_no, l.edition, l.class, l.phase, l.averaging, l.lower, l.upper, l.unit, l.hour_from, l.hour_to,
             l.jurisdiction, l.valid_from, l.valid_to)
            IS NOT DISTINCT FROM
            (n.standard_no, n.edition, n.class, n.phase, n.averaging, n.lower, n.upper, n.unit, n.hour_from, n.hour_to,
             n.jurisdiction, n.valid_from, n.valid_to))

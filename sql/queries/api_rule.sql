-- $1 code: is there such a rule? One row, or none.
SELECT id FROM wardwatch.rule WHERE code = $1::text;

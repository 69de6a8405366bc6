-- The unit and molar mass of an observed property ($1 code).
SELECT unit, coalesce(molar_mass_g_mol, 0) FROM wardwatch.observed_property WHERE code = $1::text;

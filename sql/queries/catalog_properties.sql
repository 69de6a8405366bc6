SELECT id, code, unit, coalesce(molar_mass_g_mol, 0) FROM observed_property ORDER BY id

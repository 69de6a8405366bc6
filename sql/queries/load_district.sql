-- once
-- $1 jsonb: facts of the district.
INSERT INTO setting (key, value) VALUES ('district', $1::jsonb) ON CONFLICT (key) DO UPDATE SET value = excluded.value

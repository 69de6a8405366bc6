-- once
-- $1 name, $2 role, $3 all wards?, $4 ward codes "a,b" or NULL, $5 feed names "a,b" or NULL.
-- Adds or changes the account. Returns the first ward code that is not there ("" when all are; else nothing is changed).
WITH wanted AS (
    SELECT trim(c) AS code FROM string_to_table($4::text, ',') AS c WHERE trim(c) <> ''
), unknown AS (
    SELECT code FROM wanted WHERE NOT EXISTS (SELECT FROM ward w WHERE w.code = wanted.code)
), changed AS (
    INSERT INTO account (name, role, all_wards, feed_names)
    SELECT $1::text, $2::text, $3::boolean, string_to_array($5::text, ',')
    WHERE NOT EXISTS (SELECT FROM unknown)
    ON CONFLICT (name) DO UPDATE
        SET role = excluded.role, all_wards = excluded.all_wards, feed_names = excluded.feed_names, disabled = false
    RETURNING id
), dropped AS (
    DELETE FROM membership m
    USING changed c
    WHERE m.account_id = c.id
      AND NOT EXISTS (SELECT FROM wanted JOIN ward w ON w.code = wanted.code WHERE w.id = m.ward_id)
), member AS (
    INSERT INTO membership (account_id, ward_id)
    SELECT c.id, w.id FROM changed c CROSS JOIN wanted JOIN ward w ON w.code = wanted.code
    ON CONFLICT DO NOTHING
)
SELECT coalesce((SELECT min(code) FROM unknown), '')

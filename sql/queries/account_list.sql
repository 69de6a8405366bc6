-- once
-- name, role, wards, how many tokens are valid
SELECT a.name, a.role || CASE WHEN a.disabled THEN ' (disabled)' ELSE '' END,
       CASE WHEN a.all_wards THEN 'all'
            ELSE coalesce((SELECT string_agg(w.code, ',' ORDER BY w.code)
                           FROM membership m JOIN ward w ON w.id = m.ward_id WHERE m.account_id = a.id), 'none') END,
       (SELECT count(*) FROM token t WHERE t.account_id = a.id AND t.revoked_at IS NULL
                                       AND (t.expires_at IS NULL OR t.expires_at > now()))
FROM account a
ORDER BY a.name

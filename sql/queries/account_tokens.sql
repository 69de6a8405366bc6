-- Every token that may be used now or later, with its account, for the server's memory.
SELECT a.id, a.name, a.role, a.all_wards,
       coalesce((SELECT string_agg(m.ward_id::text, ',' ORDER BY m.ward_id)
                 FROM wardwatch.membership m
                 WHERE m.account_id = a.id), '') AS wards,
       array_to_string(a.feed_names, ',') AS feeds,
       encode(t.hash, 'hex') AS hash,
       (extract(epoch FROM t.expires_at) * 1000000)::bigint AS expires_us
FROM wardwatch.account a
JOIN wardwatch.token t ON t.account_id = a.id
WHERE NOT a.disabled AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
ORDER BY a.id;

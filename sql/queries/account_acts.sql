-- once
-- Who acts from the command line: $1 name. His role, and his wards as an array (NULL: all). No row: there is none, or it is disabled.
SELECT a.role, CASE WHEN NOT a.all_wards THEN ARRAY(SELECT m.ward_id FROM wardwatch.membership m WHERE m.account_id = a.id)::text END
FROM wardwatch.account a
WHERE a.name = $1::text AND NOT a.disabled

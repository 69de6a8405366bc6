-- once
-- $1 account's name: ends all its tokens and sessions.
UPDATE token SET revoked_at = now()
WHERE revoked_at IS NULL AND account_id = (SELECT id FROM account WHERE name = $1::text)

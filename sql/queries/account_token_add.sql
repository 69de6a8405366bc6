-- once
-- $1 account's name, $2 hash of the new token. Returns the token's id; no row when there is no such account.
INSERT INTO token (account_id, kind, hash) SELECT id, 'bearer', $2::bytea FROM account WHERE name = $1::text RETURNING id

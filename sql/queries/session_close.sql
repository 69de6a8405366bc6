-- Logs out: the session token with this SHA-256 is worth nothing from now on.
UPDATE wardwatch.token SET revoked_at = now() WHERE hash = $1::bytea AND kind = 'session' AND revoked_at IS NULL;

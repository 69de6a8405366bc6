-- Logs an account in: a session token ($2 its SHA-256) of 12 hours. Old ones of the same account go.
WITH gone AS (
    DELETE FROM wardwatch.token
    WHERE account_id = $1::int AND kind = 'session' AND expires_at < now() - interval '30 days'
)
INSERT INTO wardwatch.token (account_id, kind, hash, label, expires_at)
VALUES ($1::int, 'session', $2::bytea, 'login page', now() + interval '12 hours');

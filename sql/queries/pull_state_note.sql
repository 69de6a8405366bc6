-- Why a pulled feed fails. $1 feed, $2 in words ("" = it doesn't any more).
INSERT INTO wardwatch.pull_state (feed_id, last_error, failing_since)
SELECT id, $2::text, CASE WHEN $2::text <> '' THEN now() END
FROM wardwatch.feed
WHERE name = $1::text
ON CONFLICT (feed_id) DO UPDATE SET last_error = excluded.last_error,
                                    failing_since = CASE WHEN excluded.last_error <> '' THEN coalesce(pull_state.failing_since, now()) END

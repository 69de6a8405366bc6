-- What comes before the position is stored. $1 feed, $2 what the position belongs to, $3 ETag, $4 Last-Modified, $5 position, $6 what is
-- wrong all the same ("" = nothing).
INSERT INTO wardwatch.pull_state (feed_id, source, etag, last_modified, cursor, last_error, failing_since)
SELECT id, $2::text, $3::text, $4::text, $5::text, $6::text, CASE WHEN $6::text <> '' THEN now() END
FROM wardwatch.feed
WHERE name = $1::text
ON CONFLICT (feed_id) DO UPDATE SET source = excluded.source, etag = excluded.etag, last_modified = excluded.last_modified,
                                    cursor = excluded.cursor, updated_at = now(), last_error = excluded.last_error,
                                    failing_since = CASE WHEN excluded.last_error <> '' THEN coalesce(pull_state.failing_since, now()) END

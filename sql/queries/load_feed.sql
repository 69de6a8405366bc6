-- once
-- $1 name, $2 title, $3 config: adds or replaces a feed.
INSERT INTO feed (name, title, config)
VALUES ($1::text, $2::text, $3::jsonb)
ON CONFLICT (name) DO UPDATE SET title = excluded.title, config = wardwatch.keep_feed_secrets(excluded.config, feed.config), updated_at = now()

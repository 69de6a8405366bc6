-- Changes a way in: $1 name, $2 title, $3 config, $4 enabled; what is NULL stays, and a secret given as "***".
UPDATE wardwatch.feed
SET title = coalesce($2::text, title), config = coalesce(wardwatch.keep_feed_secrets($3::jsonb, config), config), enabled = coalesce($4::boolean, enabled),
    updated_at = now()
WHERE name = $1::text
RETURNING json_build_object('name', name, 'title', title, 'enabled', enabled, 'config', wardwatch.mask_feed_config(config))::text;

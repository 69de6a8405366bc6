-- A new way in: $1 name, $2 title, $3 config, $4 enabled.
INSERT INTO wardwatch.feed (name, title, config, enabled)
VALUES ($1::text, coalesce($2::text, ''), $3::jsonb, coalesce($4::boolean, true))
RETURNING json_build_object('name', name, 'title', title, 'enabled', enabled, 'config', wardwatch.mask_feed_config(config))::text;

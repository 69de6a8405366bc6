SELECT id, name, config::text, enabled FROM feed ORDER BY id

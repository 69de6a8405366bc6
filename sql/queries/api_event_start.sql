-- Where the ring of recent alert events begins: the id before the newest $1 events, and the newest id.
SELECT coalesce(min(id), 1) - 1, coalesce(max(id), 0)
FROM (SELECT id FROM wardwatch.alert_event ORDER BY id DESC LIMIT $1::bigint) newest;

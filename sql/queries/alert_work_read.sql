-- An alert's work, for ww_work_do. $1 wards that the actor sees (NULL: all), $2 alert. One row, or none.
-- Columns: version, open?, category, acknowledged_by, assignee, snoozed_until in µs (0: not, the greatest: until it clears), level, was,
-- effect, the last comment and who wrote it.
SELECT coalesce(k.version, 0), a.state = 'open', a.category, coalesce(k.acknowledged_by, ''), coalesce(k.assignee, ''),
       CASE WHEN k.snoozed_until IS NULL THEN 0 WHEN isfinite(k.snoozed_until) THEN (extract(epoch FROM k.snoozed_until) * 1000000)::bigint
            ELSE 9223372036854775807 END,
       coalesce(k.level, 0), coalesce(k.was, ''), coalesce(k.effect, ''), coalesce(c.reason, ''), coalesce(c.actor, '')
FROM wardwatch.alert a
LEFT JOIN wardwatch.alert_work k ON k.alert_id = a.id
LEFT JOIN LATERAL (SELECT e.reason, e.actor FROM wardwatch.alert_event e
                   WHERE e.alert_id = a.id AND e.kind = 'commented' ORDER BY e.id DESC LIMIT 1) c ON true
WHERE a.id = $2::text::bigint AND ($1::int[] IS NULL OR a.ward_id = ANY ($1::int[]));

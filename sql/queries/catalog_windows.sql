-- $1 bigint: last id seen. Maintenance windows: from when they counted (not before they were recorded), until when (not after they
-- were ended). Times in microseconds.
SELECT w.id, coalesce(w.thing_id, 0), w.property_id, coalesce(w.site_id, 0), coalesce(w.ward_id, 0),
       (extract(epoch FROM greatest(w.from_at, w.recorded_at)) * 1000000)::bigint,
       (extract(epoch FROM least(w.to_at, e.ended_at)) * 1000000)::bigint
FROM maintenance_window w
LEFT JOIN maintenance_end e ON e.window_id = w.id
WHERE w.id > $1::bigint
ORDER BY w.id
LIMIT 5000

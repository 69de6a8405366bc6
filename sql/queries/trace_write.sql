-- $1 alert, $2 jsonb trace, $3 jsonb GeoJSON
INSERT INTO alert_trace AS t (alert_id, trace, geojson, until)
SELECT a.id, $2::jsonb, $3::jsonb, ($2::jsonb->>'until')::timestamptz FROM alert a WHERE a.id = $1::bigint
ON CONFLICT (alert_id) DO UPDATE SET as_of = now(), trace = excluded.trace, geojson = excluded.geojson, until = excluded.until

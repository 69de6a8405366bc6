-- What happened to stations. $1 jsonb: [{"mn", "kind", "at", "detail"}, …].
INSERT INTO station_event (mn, kind, at, detail)
SELECT mn, kind, at, detail
FROM jsonb_to_recordset($1::jsonb) AS e(mn text, kind text, at timestamptz, detail jsonb)

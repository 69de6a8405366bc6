-- Stations that have connected. $1 jsonb: [{"mn", "put_back", "setup": [{"cn", "fields"}, …]}, …].
-- What a server left in the middle is put back (or given up after too many tries); the commands of the first
-- connection are queued unless the same one waits already.
WITH here AS (
    SELECT *
    FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (mn text, put_back boolean, setup jsonb))
         WITH ORDINALITY AS a(mn, put_back, setup, nth)
), back AS (
    UPDATE station_command c
    SET state = CASE WHEN c.tries < 4 THEN 'queued' ELSE 'failed' END,
        reason = 'the connection was lost',
        finished_at = CASE WHEN c.tries < 4 THEN NULL ELSE now() END
    FROM here h
    WHERE h.put_back AND c.mn = h.mn AND c.state IN ('sent','accepted')
), wanted AS (
    SELECT DISTINCT ON (h.mn, cn) h.mn, cn, s.value->'fields' AS fields, h.nth, s.step
    FROM here h
    CROSS JOIN LATERAL jsonb_array_elements(h.setup) WITH ORDINALITY AS s(value, step)
    CROSS JOIN LATERAL CAST(s.value->>'cn' AS integer) AS cn
    ORDER BY h.mn, cn, h.nth, s.step
)
INSERT INTO station_command (mn, cn, fields, purpose)
SELECT w.mn, w.cn, w.fields, 'setup'
FROM wanted w
JOIN station USING (mn)
WHERE NOT EXISTS (SELECT FROM station_command c
                  WHERE c.mn = w.mn AND c.cn = w.cn AND c.purpose = 'setup' AND c.state IN ('queued','sent','accepted'))
ORDER BY w.nth, w.step

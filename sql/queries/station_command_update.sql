-- What has become of a command under way. $1 id, $2 tries (names the try: another server's is not touched), $3 state, $4 qn,
-- $5 qn_rtn, $6 exe_rtn, $7 answers, $8 reason. A new key or password that the station has taken becomes ours; secrets
-- are masked when the command is over. Returns the id, or nothing when it is not ours any more.
WITH old AS MATERIALIZED (
    SELECT id, mn, cn,
           (SELECT f->>1 FROM jsonb_array_elements(fields) AS f WHERE f->>0 = 'NewSK' LIMIT 1) AS new_key,
           (SELECT f->>1 FROM jsonb_array_elements(fields) AS f WHERE f->>0 = 'NewPW' LIMIT 1) AS new_password
    FROM station_command
    WHERE id = $1::bigint AND tries = $2::integer AND state IN ('sent','accepted')
    FOR UPDATE
), rekeyed AS (
    UPDATE station s
    SET sm4_previous = s.sm4_key, sm4_key = decode(o.new_key, 'hex'), key_since = now(), updated_at = now()
    FROM old o
    WHERE s.mn = o.mn AND o.cn = 1014 AND $3::text = 'done' AND o.new_key ~ '^[0-9A-Fa-f]{32}$'
), repassworded AS (
    UPDATE station s
    SET password = o.new_password, updated_at = now()
    FROM old o
    WHERE s.mn = o.mn AND o.cn = 1072 AND $3::text = 'done' AND s.password <> '' AND o.new_password <> ''
)
UPDATE station_command c
SET state = $3::text, qn = $4::text, qn_rtn = $5::integer, exe_rtn = $6::integer, answers = $7::jsonb, reason = $8::text,
    finished_at = CASE WHEN $3::text IN ('queued','sent','accepted') THEN NULL ELSE now() END,
    fields = CASE WHEN $3::text IN ('queued','sent','accepted') OR c.cn NOT IN (1014, 1072) THEN c.fields
                  WHEN c.cn = 1014 THEN '[["NewSK","********"]]' ELSE '[["NewPW","********"]]' END
FROM old o
WHERE c.id = o.id
RETURNING c.id

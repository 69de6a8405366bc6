-- The next command of each station that is connected here and runs none. $1 jsonb: ["mn", …].
-- First those of the first connection, then what people asked for, then history.
-- Returns id, mn, cn, fields, tries.
WITH here AS (
    SELECT mn FROM jsonb_array_elements_text($1::jsonb) AS h(mn)
), next AS MATERIALIZED (
    SELECT DISTINCT ON (c.mn) c.id
    FROM station_command c
    JOIN here h USING (mn)
    WHERE c.state = 'queued' AND c.not_before <= now()
      AND NOT EXISTS (SELECT FROM station_command r WHERE r.mn = c.mn AND r.state IN ('sent','accepted'))
    ORDER BY c.mn, CASE c.purpose WHEN 'setup' THEN 1 WHEN 'asked' THEN 2 ELSE 3 END, c.id
), locked AS MATERIALIZED (
    SELECT c.id
    FROM station_command c
    JOIN next n USING (id)
    WHERE c.state = 'queued'
    ORDER BY c.id
    LIMIT 500
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE station_command c
SET state = 'sent', sent_at = now(), tries = c.tries + 1, qn_rtn = NULL, exe_rtn = NULL, answers = '[]', reason = ''
FROM locked l
WHERE c.id = l.id
RETURNING c.id, c.mn, c.cn, c.fields::text, c.tries

-- once
-- Stores what is new of the staged rows; a value that equals the one before it (stored, or
-- staged earlier) is a duplicate, another value a correction with the next version. A message that came
-- before (committed, or earlier in the stage) only adds what was never there: a value that it sent then and
-- that was corrected since does not come back, nor does it stand between those that are compared.
-- Returns, for all rows but the plain new ones: ordinal, stored, version.
WITH staged AS MATERIALIZED (
    SELECT s.*,
           s.repeated AND (s.raw_message_id > min(s.raw_message_id) OVER (PARTITION BY s.datastream_id, s.phenomenon_time,
                                                                          s.interval_s, s.value, s.flag)
                           OR EXISTS (SELECT FROM observation v
                                      WHERE v.datastream_id = s.datastream_id AND v.phenomenon_time = s.phenomenon_time
                                        AND v.interval_s = s.interval_s AND v.value = s.value AND v.flag = s.flag)) AS seen
    FROM pg_temp.stage s
), known AS MATERIALIZED (
    SELECT s.ordinal, s.datastream_id, s.phenomenon_time, s.interval_s, s.value, s.flag, s.seen,
           o.version AS old_version, o.value AS old_value, o.flag AS old_flag,
           lag(s.value) OVER w AS prev_value, lag(s.flag) OVER w AS prev_flag,
           row_number() OVER w AS nth
    FROM staged s
    LEFT JOIN LATERAL (
        SELECT version, value, flag
        FROM observation
        WHERE datastream_id = s.datastream_id AND phenomenon_time = s.phenomenon_time AND interval_s = s.interval_s
        ORDER BY version DESC
        LIMIT 1) o ON true
    WINDOW w AS (PARTITION BY s.datastream_id, s.phenomenon_time, s.interval_s, s.seen ORDER BY s.ordinal)
), judged AS MATERIALIZED (
    SELECT k.*,
           NOT seen AND
           CASE WHEN nth = 1 THEN old_version IS NULL OR (value, flag) IS DISTINCT FROM (old_value, old_flag)
                ELSE (value, flag) IS DISTINCT FROM (prev_value, prev_flag) END AS stored
    FROM known k
), numbered AS MATERIALIZED (
    SELECT j.ordinal, j.stored,
           coalesce(j.old_version, 0) + count(*) FILTER (WHERE j.stored) OVER w AS version
    FROM judged j
    WINDOW w AS (PARTITION BY j.datastream_id, j.phenomenon_time, j.interval_s ORDER BY j.ordinal)
), written AS (
    INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, foi_id, value, interval_s, ward_id,
                             version, flag, detail)
    SELECT s.datastream_id, s.phenomenon_time, s.raw_message_id, s.foi_id, s.value, s.interval_s, s.ward_id,
           n.version, s.flag, s.detail
    FROM numbered n
    JOIN pg_temp.stage s USING (ordinal)
    WHERE n.stored
    RETURNING datastream_id, phenomenon_time, interval_s, version, ward_id
), moved AS ( -- versions whose correction was measured in another ward
    INSERT INTO observation_moved (datastream_id, phenomenon_time, interval_s, version, ward_id)
    SELECT DISTINCT o.datastream_id, o.phenomenon_time, o.interval_s, o.version, o.ward_id
    FROM written n
    CROSS JOIN LATERAL (SELECT * FROM written x
                        WHERE (x.datastream_id, x.phenomenon_time, x.interval_s)
                              = (n.datastream_id, n.phenomenon_time, n.interval_s)
                        UNION ALL
                        SELECT x.datastream_id, x.phenomenon_time, x.interval_s, x.version, x.ward_id
                        FROM observation x
                        WHERE (x.datastream_id, x.phenomenon_time, x.interval_s)
                              = (n.datastream_id, n.phenomenon_time, n.interval_s)) o
    WHERE n.version > 1 AND o.version < n.version AND o.ward_id IS NOT NULL AND o.ward_id IS DISTINCT FROM n.ward_id
    ON CONFLICT DO NOTHING
)
SELECT ordinal, stored, version
FROM numbered
WHERE NOT stored OR version > 1
ORDER BY ordinal

-- A page of health and the alerts that it moves, in one statement. $1 server, $2 its number: a page that is here already changes
-- nothing. $3 jsonb things, $4 jsonb feeds (ingest/health_rows.c), $5 jsonb actions for alert_apply, or NULL.
-- Counts are added; times only grow; the state is the judge's, who alone says one.
-- Returns how many alerts moved, and how many other servers have written within the last minute.
WITH page AS (
    INSERT INTO health_server AS s (id, seq)
    VALUES ($1::text, $2::bigint)
    ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, at = now() WHERE s.seq < excluded.seq
    RETURNING seq
), things AS (
    INSERT INTO thing_health AS h (thing_id, state, silent_since, last_received_at, last_phenomenon_at, lag_s, expected_s, expected_from,
                                   completeness_24h, drift_s, drift_from, stored, duplicates, corrections, dead, memory, server)
    SELECT t.id, coalesce(r.st, o.state, 'unknown'), CASE WHEN r.st IS NULL THEN o.silent_since ELSE r.si END, r.lr, r.lp, r.la, r.ex, r.ef, r.co, r.dr, r.df, r.s, r.d, r.c, r.x, coalesce(r.m, '{}'), $1::text
    FROM page, jsonb_to_recordset($3::jsonb)
        AS r (id bigint, st text, si timestamptz, lr timestamptz, lp timestamptz, la real, ex real, ef text, co real, dr real, df text,
              s bigint, d bigint, c bigint, x bigint, m jsonb)
    JOIN thing t ON t.id = r.id
    LEFT JOIN thing_health o ON o.thing_id = t.id
    ORDER BY t.id
    ON CONFLICT (thing_id) DO UPDATE
        SET state = excluded.state, silent_since = excluded.silent_since,
            last_received_at = greatest(h.last_received_at, excluded.last_received_at),
            last_phenomenon_at = greatest(h.last_phenomenon_at, excluded.last_phenomenon_at),
            lag_s = excluded.lag_s, expected_s = excluded.expected_s, expected_from = excluded.expected_from,
            completeness_24h = excluded.completeness_24h, drift_s = excluded.drift_s, drift_from = excluded.drift_from,
            stored = h.stored + excluded.stored, duplicates = h.duplicates + excluded.duplicates,
            corrections = h.corrections + excluded.corrections, dead = h.dead + excluded.dead,
            memory = CASE excluded.memory WHEN '{}' THEN h.memory ELSE excluded.memory END,
            server = excluded.server, as_of = now()
), feeds AS (
    INSERT INTO feed_health AS h (feed_id, state, silent_since, last_received_at, last_phenomenon_at, lag_s, expected_s,
                                  completeness_24h, stored, duplicates, corrections, dead, server)
    SELECT f.id, coalesce(r.st, o.state, 'unknown'), CASE WHEN r.st IS NULL THEN o.silent_since ELSE r.si END, r.lr, r.lp, r.la, r.ex, r.co, r.s, r.d, r.c, r.x, $1::text
    FROM page, jsonb_to_recordset($4::jsonb)
        AS r (id int, st text, si timestamptz, lr timestamptz, lp timestamptz, la real, ex real, co real, s bigint, d bigint, c bigint, x bigint)
    JOIN feed f ON f.id = r.id
    LEFT JOIN feed_health o ON o.feed_id = f.id
    ORDER BY f.id
    ON CONFLICT (feed_id) DO UPDATE
        SET state = excluded.state, silent_since = excluded.silent_since,
            last_received_at = greatest(h.last_received_at, excluded.last_received_at),
            last_phenomenon_at = greatest(h.last_phenomenon_at, excluded.last_phenomenon_at),
            lag_s = excluded.lag_s, expected_s = excluded.expected_s, completeness_24h = excluded.completeness_24h,
            stored = h.stored + excluded.stored, duplicates = h.duplicates + excluded.duplicates,
            corrections = h.corrections + excluded.corrections, dead = h.dead + excluded.dead,
            server = excluded.server, as_of = now()
)
SELECT CASE WHEN $5::jsonb IS NOT NULL AND EXISTS (SELECT FROM page) THEN alert_apply($5::jsonb) END,
       (SELECT count(*) FROM health_server WHERE id <> $1::text AND at > now() - interval '1 minute')

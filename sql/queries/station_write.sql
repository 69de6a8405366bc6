-- Adds and changes stations. $1 jsonb: [{line?, mn, feed?, enabled?, password?, sm4_key? (hex, "" removes it), config?,
-- thing?: {name_zh?, name_en?, class?, limit_class?, site?, place?: [lon, lat]}}]; what is not given stays.
-- $2 text: create, replace or either; $3 text: who. All or nothing.
-- Returns the first problem: its line and what it is ("there", "absent", "feed", "no feed", "protocol", "site", "twice"; "" none),
-- and how many stations were written.
WITH input AS MATERIALIZED (
    SELECT r.j AS given, coalesce((r.j ->> 'line')::int, r.n::int) AS line, r.j ->> 'mn' AS mn, s.mn IS NOT NULL AS is_there,
           coalesce(f.id, s.feed_id) AS feed_id, f.id AS named_feed_id, f.config ->> 'protocol' AS protocol, site.id AS site_id,
           CASE WHEN jsonb_typeof(r.j #> '{thing,place}') = 'array'
                THEN ST_SetSRID(ST_MakePoint((r.j #>> '{thing,place,0}')::float8, (r.j #>> '{thing,place,1}')::float8), 4490)
           END AS geom,
           s.enabled, s.password, s.sm4_key, s.sm4_previous, s.key_since, s.config,
           decode(r.j ->> 'sm4_key', 'hex') AS fresh_key,
           count(*) OVER (PARTITION BY r.j ->> 'mn') AS times
    FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS r (j, n)
    LEFT JOIN wardwatch.feed f ON f.name = r.j ->> 'feed'
    LEFT JOIN wardwatch.station s ON s.mn = r.j ->> 'mn'
    LEFT JOIN wardwatch.site site ON site.code = r.j #>> '{thing,site}'
), judged AS MATERIALIZED (
    SELECT i.*,
           CASE WHEN i.times > 1 THEN 'twice'
                WHEN i.is_there AND $2::text = 'create' THEN 'there'
                WHEN NOT i.is_there AND $2::text = 'replace' THEN 'absent'
                WHEN i.given ? 'feed' AND i.named_feed_id IS NULL THEN 'feed'
                WHEN i.feed_id IS NULL THEN 'no feed'
                WHEN i.given ? 'feed' AND i.protocol IS DISTINCT FROM 'hj212' THEN 'protocol'
                WHEN i.given #>> '{thing,site}' <> '' AND i.site_id IS NULL THEN 'site'
                ELSE '' END AS problem
    FROM input i
), good AS MATERIALIZED (
    SELECT * FROM judged WHERE NOT EXISTS (SELECT FROM judged WHERE problem <> '')
), stored AS (
    INSERT INTO wardwatch.station AS s (mn, feed_id, enabled, password, sm4_key, sm4_previous, key_since, config)
    SELECT mn, feed_id, coalesce((given ->> 'enabled')::boolean, enabled, true), coalesce(given ->> 'password', password, ''),
           CASE WHEN given ? 'sm4_key' THEN nullif(fresh_key, '') ELSE sm4_key END,
           CASE WHEN given ? 'sm4_key' AND fresh_key IS DISTINCT FROM sm4_key THEN sm4_key ELSE sm4_previous END,
           CASE WHEN given ? 'sm4_key' AND fresh_key IS DISTINCT FROM sm4_key THEN now() ELSE key_since END,
           coalesce(given -> 'config', config, '{}')
    FROM good
    ON CONFLICT (mn) DO UPDATE
        SET feed_id = excluded.feed_id, enabled = excluded.enabled, password = excluded.password, sm4_key = excluded.sm4_key,
            sm4_previous = excluded.sm4_previous, key_since = excluded.key_since, config = excluded.config, updated_at = now()
        WHERE $2::text <> 'create'
    RETURNING s.mn
), things AS (
    INSERT INTO wardwatch.thing AS t (feed_id, key, name_zh, name_en, class, limit_class, site_id, ward_id, geom, raw_x, raw_y)
    SELECT g.feed_id, g.mn, coalesce(g.given #>> '{thing,name_zh}', x.name_zh, g.mn), coalesce(g.given #>> '{thing,name_en}', x.name_en, g.mn),
           coalesce(g.given #>> '{thing,class}', x.class, ''), coalesce(g.given #>> '{thing,limit_class}', x.limit_class, ''),
           CASE WHEN g.given #> '{thing,site}' IS NOT NULL THEN g.site_id ELSE x.site_id END,
           CASE WHEN g.geom IS NOT NULL
                THEN (SELECT w.id FROM wardwatch.ward w WHERE ST_Covers(w.geom, g.geom) ORDER BY w.code LIMIT 1)
                ELSE x.ward_id END,
           coalesce(g.geom, x.geom), coalesce(ST_X(g.geom), x.raw_x), coalesce(ST_Y(g.geom), x.raw_y)
    FROM good g
    JOIN stored USING (mn)
    LEFT JOIN wardwatch.thing x ON x.feed_id = g.feed_id AND x.key = g.mn
    WHERE g.given ? 'thing'
    ON CONFLICT (feed_id, key) DO UPDATE
        SET name_zh = excluded.name_zh, name_en = excluded.name_en, class = excluded.class, limit_class = excluded.limit_class,
            site_id = excluded.site_id, ward_id = excluded.ward_id, geom = excluded.geom, raw_x = excluded.raw_x,
            raw_y = excluded.raw_y, registered = 'loaded'
), noted AS (
    INSERT INTO wardwatch.station_event (mn, kind, detail)
    SELECT g.mn, CASE WHEN g.is_there THEN 'changed' ELSE 'registered' END,
           jsonb_build_object('by', $3::text,
                              'members', (SELECT jsonb_agg(k ORDER BY k) FROM jsonb_object_keys(g.given - 'mn' - 'line') AS k))
    FROM good g
    JOIN stored USING (mn)
)
SELECT coalesce(p.line, 0), coalesce(p.problem, CASE WHEN (SELECT count(*) FROM stored) < (SELECT count(*) FROM good) THEN 'there' ELSE '' END),
       (SELECT count(*) FROM stored)
FROM (SELECT 1) one
LEFT JOIN LATERAL (SELECT line, problem FROM judged WHERE problem <> '' ORDER BY line LIMIT 1) p ON true;

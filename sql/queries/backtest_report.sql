-- once
-- What a back-test found, with names, against what people found: $1 jsonb alerts [{kind, subject, ward, severity, opened_at,
-- cleared_at, last_at, peak_at, count, last, peak}] in their order, $2 from, $3 to, $4 bigint[] datastreams that were watched,
-- $5 text category of the rule's alerts, $6 text the property that they have by themselves ('' = that of their datastream), $7 boolean: the rule is about space.
-- Columns: alerts as a JSON array, by_ward as a JSON array, wards watched, and counts: confirmed, false, unknown, without an
-- outcome, confirmed alerts that were missed.
-- An alert's outcome is that of the stored alerts about the same thing and property that were open at the same time: confirmed
-- when one of them is, else false when one is. A rule about space is about all wards.
WITH found AS MATERIALIZED (
    SELECT x.ordinality AS nth, (x.value->>'kind') AS kind, (x.value->>'subject')::bigint AS subject,
           (x.value->>'ward')::int AS ward_id, (x.value->>'opened_at')::timestamptz AS opened_at,
           (x.value->>'cleared_at')::timestamptz AS cleared_at, x.value AS said,
           d.id AS datastream_id, d.property_id, t.id AS thing_id, t.key, t.name_zh, t.name_en,
           coalesce(d.thing_id || ':' || d.property_id, x.value->>'kind' || ' ' || (x.value->>'subject') || ' ' || $6::text) AS about
    FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS x
    LEFT JOIN datastream d ON x.value->>'kind' = 'datastream' AND d.id = (x.value->>'subject')::bigint
    LEFT JOIN thing t ON t.id = CASE x.value->>'kind' WHEN 'thing' THEN (x.value->>'subject')::bigint ELSE d.thing_id END
), judged AS MATERIALIZED (
    SELECT a.id, a.opened_at, coalesce(a.cleared_at, 'infinity') AS until, o.outcome, a.subject_kind, a.subject_id, coalesce(p.code, '') AS property,
           coalesce(d.thing_id || ':' || d.property_id, a.subject_kind || ' ' || a.subject_id || ' ' || coalesce(p.code, '')) AS about
    FROM alert a
    CROSS JOIN LATERAL (SELECT x.outcome FROM alert_outcome x WHERE x.alert_id = a.id ORDER BY x.id DESC LIMIT 1) o
    LEFT JOIN datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
    LEFT JOIN observed_property p ON p.id = a.property_id AND a.subject_kind <> 'datastream'
    WHERE a.category = $5::text AND a.opened_at < $3::timestamptz AND coalesce(a.cleared_at, 'infinity') >= $2::timestamptz
), met AS MATERIALIZED (
    SELECT f.nth, j.id, j.outcome
    FROM found f
    JOIN judged j ON j.about = f.about AND j.opened_at <= coalesce(f.cleared_at, 'infinity') AND j.until >= f.opened_at
), outcome AS MATERIALIZED (
    SELECT f.nth, CASE WHEN bool_or(m.outcome = 'confirmed') THEN 'confirmed'
                       WHEN bool_or(m.outcome = 'false') THEN 'false'
                       WHEN bool_or(m.outcome = 'unknown') THEN 'unknown' END AS outcome
    FROM found f
    LEFT JOIN met m USING (nth)
    GROUP BY f.nth
), watched_thing AS MATERIALIZED (
    SELECT DISTINCT t.id, t.feed_id, t.ward_id
    FROM datastream d
    JOIN thing t ON t.id = d.thing_id
    WHERE d.id = ANY ($4::bigint[])
), watched_ward AS MATERIALIZED (
    SELECT DISTINCT t.ward_id FROM watched_thing t WHERE NOT $7::boolean AND t.ward_id IS NOT NULL
    UNION ALL
    SELECT w.id FROM ward w WHERE $7::boolean
), weeks AS (
    SELECT greatest(extract(epoch FROM $3::timestamptz - $2::timestamptz) / 604800, 1e-9) AS n
)
SELECT (SELECT coalesce(json_agg(json_build_object(
                   'kind', f.kind, 'subject', f.subject,
                   'ward', CASE WHEN w.id IS NOT NULL
                                THEN json_build_object('code', w.code, 'name_zh', w.name_zh, 'name_en', w.name_en) END,
                   'thing', CASE WHEN f.thing_id IS NOT NULL
                                 THEN json_build_object('id', f.thing_id, 'key', f.key, 'name_zh', f.name_zh, 'name_en', f.name_en) END,
                   'feed', fe.name, 'datastream', f.datastream_id,
                   'property', CASE WHEN p.id IS NOT NULL
                                    THEN json_build_object('code', p.code, 'name_zh', p.name_zh, 'name_en', p.name_en, 'unit', p.unit) END,
                   'severity', f.said->'severity', 'opened_at', f.opened_at, 'cleared_at', f.cleared_at,
                   'last_exceeded_at', (f.said->>'last_at')::timestamptz, 'exceed_count', f.said->'count',
                   'last_value', f.said->'last', 'peak_value', f.said->'peak', 'peak_at', (f.said->>'peak_at')::timestamptz,
                   'outcome', o.outcome, 'explanation', f.said->'explanation') ORDER BY f.opened_at, f.nth), '[]')::text
        FROM found f
        JOIN outcome o USING (nth)
        LEFT JOIN ward w ON w.id = f.ward_id
        LEFT JOIN feed fe ON f.kind = 'feed' AND fe.id = f.subject
        LEFT JOIN observed_property p ON CASE WHEN $6::text = '' THEN p.id = f.property_id ELSE p.code = $6::text END),
       (SELECT coalesce(json_agg(json_build_object('ward', CASE WHEN w.id IS NOT NULL
                                                                THEN json_build_object('code', w.code, 'name_zh', w.name_zh, 'name_en', w.name_en) END,
                                                   'alerts', g.n, 'per_week', round((g.n / weeks.n)::numeric, 3))
                                 ORDER BY g.n DESC, w.code), '[]')::text
        FROM (SELECT f.ward_id, count(*) AS n FROM found f GROUP BY 1) g
        CROSS JOIN weeks
        LEFT JOIN ward w ON w.id = g.ward_id),
       (SELECT count(*) FROM watched_ward),
       (SELECT count(*) FROM outcome WHERE outcome = 'confirmed'),
       (SELECT count(*) FROM outcome WHERE outcome = 'false'),
       (SELECT count(*) FROM outcome WHERE outcome = 'unknown'),
       (SELECT count(*) FROM outcome WHERE outcome IS NULL),
       (SELECT count(*) FROM judged j
        WHERE j.outcome = 'confirmed' AND j.property = $6::text
          AND CASE j.subject_kind WHEN 'datastream' THEN j.subject_id = ANY ($4::bigint[])
                                  WHEN 'thing' THEN j.subject_id IN (SELECT id FROM watched_thing)
                                  WHEN 'feed' THEN j.subject_id IN (SELECT feed_id FROM watched_thing)
                                  ELSE true END
          AND NOT EXISTS (SELECT FROM met m WHERE m.id = j.id))

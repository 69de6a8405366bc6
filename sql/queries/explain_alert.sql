-- once
-- $1 alert. What is stored of it, as recomputing compares it. Times in microseconds, NULL = none.
-- opened_by: the moment at which its rule's judgement opened it: that of the newest event 'raised', else of the opening.
SELECT a.rule_id, a.rule_version, a.subject_kind, a.subject_id, coalesce(a.ward_id, 0), a.severity, a.detector, r.code,
       (extract(epoch FROM coalesce(e.at, a.opened_at)) * 1000000)::bigint AS opened_by,
       (extract(epoch FROM a.cleared_at) * 1000000)::bigint, (extract(epoch FROM a.last_exceeded_at) * 1000000)::bigint,
       (extract(epoch FROM a.peak_at) * 1000000)::bigint, a.exceed_count, a.last_value, a.peak_value, a.explanation::text,
       (e.detail->>'value')::float8, (e.detail->>'peak_value')::float8, (e.detail->>'exceed_count')::bigint,
       (extract(epoch FROM a.opened_at) * 1000000)::bigint, (e.detail->'before'->'explanation')::text,
       (SELECT jsonb_agg(x.detail->'reason' ORDER BY x.id) FROM alert_event x WHERE x.alert_id = a.id AND x.kind = 'joined')::text,
       (extract(epoch FROM a.detected_at) * 1000000)::bigint,
       (SELECT (extract(epoch FROM max(x.recorded_at)) * 1000000)::bigint FROM alert_event x WHERE x.alert_id = a.id AND x.kind = 'cleared'),
       a.latest::text
FROM alert a
JOIN rule r ON r.id = a.rule_id
LEFT JOIN LATERAL (SELECT x.kind, x.at, x.detail FROM alert_event x
                   WHERE x.alert_id = a.id AND x.kind IN ('opened', 'raised') ORDER BY x.id DESC LIMIT 1) e ON true
WHERE a.id = $1::bigint

-- Alert events above id $1, in commit order, at most $2, as the event stream sends them.
SELECT e.id, coalesce(e.ward_id, 0), e.kind,
       json_build_object('event_id', e.id, 'alert_id', e.alert_id, 'kind', e.kind, 'at', e.at, 'recorded_at', e.recorded_at,
                         'category', a.category, 'severity', a.severity, 'ward', w.code, 'rule', r.code, 'datastream', d.id,
                         'thing', CASE WHEN t.id IS NOT NULL
                                       THEN json_build_object('id', t.id, 'key', t.key, 'name_zh', t.name_zh, 'name_en', t.name_en)
                                  END,
                         'feed', f.name, 'property', p.code, 'value', coalesce(e.detail -> 'value', to_jsonb(a.last_value)),
                         'peak_value', coalesce(e.detail -> 'peak_value', to_jsonb(a.peak_value)))::text
FROM (SELECT * FROM wardwatch.alert_event WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint) e
JOIN wardwatch.alert a ON a.id = e.alert_id
JOIN wardwatch.rule r ON r.id = a.rule_id
LEFT JOIN wardwatch.limit_value l ON l.id = a.limit_value_id
JOIN wardwatch.observed_property p ON p.id = coalesce(a.property_id, l.property_id)
LEFT JOIN wardwatch.ward w ON w.id = e.ward_id
LEFT JOIN wardwatch.datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
LEFT JOIN wardwatch.thing t ON t.id = CASE a.subject_kind WHEN 'thing' THEN a.subject_id ELSE d.thing_id END
LEFT JOIN wardwatch.feed f ON a.subject_kind = 'feed' AND f.id = a.subject_id
ORDER BY e.id;

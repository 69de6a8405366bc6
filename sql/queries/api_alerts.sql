-- Alerts, newest first; for one of them ($10) also its explanation and events.
-- $1 wards, $2 after, $3 limit, $4 with geometry; $5 state, $6 ward, $7 rule, $8 least severity, $9 opened since, $10 category, $11 id;
-- yes or no: $12 acknowledged, $13 assigned, $14 snoozed, $15 silenced, $16 resolved; $17 assignee.
SELECT a.id::text,
       json_build_object('id', a.id, 'category', a.category,
                         'rule', json_build_object('code', r.code, 'name_zh', r.name_zh, 'name_en', r.name_en),
                         'severity', a.severity, 'state', a.state,
                         'ward', CASE WHEN w.id IS NOT NULL
                                      THEN json_build_object('code', w.code, 'name_zh', w.name_zh, 'name_en', w.name_en)
                                 END,
                         'thing', CASE WHEN t.id IS NOT NULL
                                       THEN json_build_object('id', t.id, 'key', t.key, 'name_zh', t.name_zh, 'name_en', t.name_en)
                                  END,
                         'feed', f.name, 'site', s.code, 'datastream', d.id,
                         'property', json_build_object('code', p.code, 'name_zh', p.name_zh, 'name_en', p.name_en, 'unit', p.unit),
                         'opened_at', a.opened_at, 'detected_at', a.detected_at, 'last_exceeded_at', a.last_exceeded_at,
                         'cleared_at', a.cleared_at, 'exceed_count', a.exceed_count, 'last_value', a.last_value,
                         'peak_value', a.peak_value, 'peak_at', a.peak_at,
                         'limit', CASE WHEN l.id IS NOT NULL
                                       THEN json_build_object('lower', l.lower, 'upper', l.upper, 'unit', l.unit,
                                                              'standard_no', l.standard_no)
                                       ELSE json_build_object('lower', a.explanation #> '{expected,lower}',
                                                              'upper', coalesce(a.latest, a.explanation) #> '{expected,upper}',
                                                              'unit', a.explanation #> '{expected,unit}', 'standard_no', '') END,
                         'work', CASE WHEN (SELECT wardwatch.reader_is_known()) THEN json_build_object(
                             'version', coalesce(k.version, 0), 'acknowledged_by', nullif(k.acknowledged_by, ''), 'acknowledged_at', k.acknowledged_at,
                             'assignee', nullif(k.assignee, ''), 'level', coalesce(k.level, 0),
                             'snoozed_until', CASE WHEN a.state = 'open' AND k.snoozed_until > now()
                                                   THEN CASE WHEN isfinite(k.snoozed_until) THEN to_json(k.snoozed_until) ELSE '"cleared"' END END,
                             'resolved', CASE WHEN k.was <> ''
                                              THEN json_build_object('was', k.was, 'effect', k.effect, 'by', k.resolved_by, 'at', k.resolved_at) END) END,
                         'silenced', q.silence,
                         'place', CASE WHEN g.geom IS NOT NULL THEN json_build_array(ST_X(g.geom), ST_Y(g.geom)) END)::text,
       CASE WHEN $4::boolean THEN ST_AsGeoJSON(g.geom, 7, 0) END,
       CASE WHEN $11::bigint IS NOT NULL
            THEN json_build_object('explanation', wardwatch.alert_explanation(a.whole),
                                   'events', (SELECT coalesce(json_agg(json_build_object('id', e.id, 'kind', e.kind, 'at', e.at,
                                                                                         'recorded_at', e.recorded_at,
                                                                                         'actor', e.actor, 'reason', e.reason,
                                                                                         'detail', CASE WHEN e.kind NOT IN
                                                                                             ('opened', 'joined', 'raised', 'cleared')
                                                                                             THEN e.detail END)
                                                                       ORDER BY e.id), '[]')
                                              FROM wardwatch.alert_event e
                                              WHERE e.alert_id = a.id))::text
       END
FROM (SELECT *, alert AS whole
      FROM wardwatch.alert
      WHERE ($1::int[] IS NULL OR ward_id = ANY ($1::int[]))
        AND ($2::text IS NULL OR id < $2::text::bigint)
        AND ($5::text IS NULL OR state = $5::text)
        AND ($6::text IS NULL OR ward_id = (SELECT x.id FROM wardwatch.ward x WHERE x.code = $6::text))
        AND ($7::text IS NULL OR rule_id = (SELECT x.id FROM wardwatch.rule x WHERE x.code = $7::text))
        AND ($8::bigint IS NULL OR severity >= $8::bigint)
        AND ($9::timestamptz IS NULL OR opened_at >= $9::timestamptz)
        AND ($10::text IS NULL OR category = $10::text)
        AND ($11::bigint IS NULL OR id = $11::bigint)
        AND ($12::text IS NULL OR ($12::text = 'yes') = EXISTS (SELECT FROM wardwatch.alert_work k WHERE k.alert_id = alert.id AND k.acknowledged_by <> ''))
        AND ($13::text IS NULL OR ($13::text = 'yes') = EXISTS (SELECT FROM wardwatch.alert_work k WHERE k.alert_id = alert.id AND k.assignee <> ''))
        AND ($14::text IS NULL OR ($14::text = 'yes') = EXISTS (SELECT FROM wardwatch.alert_work k
                                                                WHERE k.alert_id = alert.id AND alert.state = 'open' AND k.snoozed_until > now()))
        AND ($15::text IS NULL OR ($15::text = 'yes') = EXISTS (SELECT FROM wardwatch.alert_silenced x JOIN wardwatch.silence s ON s.id = x.silence_id
                                                                WHERE x.alert_id = alert.id AND alert.state = 'open' AND alert.severity <= s.severity
                                                                  AND wardwatch.silence_holds(s)))
        AND ($16::text IS NULL OR ($16::text = 'yes') = EXISTS (SELECT FROM wardwatch.alert_work k WHERE k.alert_id = alert.id AND k.was <> ''))
        AND ($17::text IS NULL OR id IN (SELECT k.alert_id FROM wardwatch.alert_work k WHERE k.assignee = $17::text))
      ORDER BY id DESC
      LIMIT $3::bigint) a
JOIN wardwatch.rule r ON r.id = a.rule_id
LEFT JOIN wardwatch.alert_work k ON k.alert_id = a.id
LEFT JOIN wardwatch.limit_value l ON l.id = a.limit_value_id
JOIN wardwatch.observed_property p ON p.id = coalesce(a.property_id, l.property_id)
LEFT JOIN wardwatch.ward w ON w.id = a.ward_id
LEFT JOIN wardwatch.datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
LEFT JOIN wardwatch.thing t ON t.id = CASE a.subject_kind WHEN 'thing' THEN a.subject_id ELSE d.thing_id END
LEFT JOIN wardwatch.feed f ON a.subject_kind = 'feed' AND f.id = a.subject_id
LEFT JOIN wardwatch.site s ON s.id = CASE a.subject_kind WHEN 'site' THEN a.subject_id ELSE t.site_id END
LEFT JOIN LATERAL (SELECT json_build_object('id', z.id, 'author', z.author, 'reason', z.reason,
                                            'until', CASE WHEN isfinite(z.until) THEN to_json(z.until) ELSE '"cleared"' END) AS silence
                   FROM wardwatch.alert_silenced y
                   JOIN wardwatch.silence z ON z.id = y.silence_id
                   WHERE y.alert_id = a.id AND a.state = 'open' AND a.severity <= z.severity AND wardwatch.silence_holds(z)
                   ORDER BY z.until DESC, z.id LIMIT 1) q ON true
CROSS JOIN LATERAL (SELECT coalesce(t.geom, s.geom) AS geom) g
ORDER BY a.id DESC;

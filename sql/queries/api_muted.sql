-- Signals that rain or maintenance kept from being alerts, newest first. $1 wards, $2 after, $3 limit, $4 with geometry; $5 ward,
-- $6 rule, $7 reason, $8 window, $9 state, $10 since.
SELECT m.id::text,
       json_build_object('id', m.id, 'rule', r.code, 'name_zh', r.name_zh, 'name_en', r.name_en, 'reason', m.reason,
                         'reason_zh', CASE m.reason WHEN 'rain' THEN '降雨' ELSE '维护' END,
                         'window', m.window_id, 'gauge', m.gauge_id, 'ward', w.code,
                         'datastream', d.id, 'property', p.code, 'unit', p.unit,
                         'thing', CASE WHEN t.id IS NOT NULL
                                       THEN json_build_object('id', t.id, 'key', t.key, 'name_zh', t.name_zh, 'name_en', t.name_en) END,
                         'at', m.at, 'until', m.explanation->'muted'->'until', 'ended_at', m.ended_at, 'raised', m.raised,
                         'readings', m.n_readings, 'peak_value', m.peak_value, 'explanation', m.explanation - 'muted')::text,
       NULL
FROM (SELECT *
      FROM wardwatch.muted_signal
      WHERE ($1::int[] IS NULL OR ward_id = ANY ($1::int[])) AND NOT $4::boolean
        AND ($2::text IS NULL OR id < $2::text::bigint)
        AND ($5::text IS NULL OR ward_id = (SELECT x.id FROM wardwatch.ward x WHERE x.code = $5::text))
        AND ($6::text IS NULL OR rule_id = (SELECT x.id FROM wardwatch.rule x WHERE x.code = $6::text))
        AND ($7::text IS NULL OR reason = $7::text)
        AND ($8::text IS NULL OR window_id = $8::text::bigint)
        AND ($9::text IS NULL OR (ended_at IS NULL) = ($9::text = 'open'))
        AND ($10::text IS NULL OR at >= $10::text::timestamptz)
      ORDER BY id DESC
      LIMIT $3::bigint) m
JOIN wardwatch.rule r ON r.id = m.rule_id
LEFT JOIN wardwatch.ward w ON w.id = m.ward_id
LEFT JOIN wardwatch.datastream d ON m.subject_kind = 'datastream' AND d.id = m.subject_id
LEFT JOIN wardwatch.thing t ON t.id = d.thing_id
LEFT JOIN wardwatch.observed_property p ON p.id = d.property_id
ORDER BY m.id DESC;

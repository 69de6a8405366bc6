-- The next version of a rule: $1 code, $2 name_zh, $3 name_en, $4 detector, $5 severity, $6 enabled, $7 config.
UPDATE wardwatch.rule
SET version = version + 1, name_zh = $2::text, name_en = $3::text, detector = $4::text, severity = $5::smallint,
    enabled = $6::boolean, config = $7::jsonb, updated_at = now()
WHERE code = $1::text
RETURNING json_build_object('code', code, 'version', version, 'name_zh', name_zh, 'name_en', name_en, 'detector', detector,
                            'severity', severity, 'enabled', enabled, 'config', config)::text;

-- A new rule: $1 code, $2 name_zh, $3 name_en, $4 detector, $5 severity, $6 enabled, $7 config.
INSERT INTO wardwatch.rule (code, name_zh, name_en, detector, severity, enabled, config)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::smallint, $6::boolean, $7::jsonb)
RETURNING json_build_object('code', code, 'version', version, 'name_zh', name_zh, 'name_en', name_en, 'detector', detector,
                            'severity', severity, 'enabled', enabled, 'config', config)::text;

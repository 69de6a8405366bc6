-- once
-- $1 jsonb: {code, name_zh, name_en, detector?, severity, enabled?, config}: adds a rule, or makes a new version when it differs.
INSERT INTO rule (code, name_zh, name_en, detector, severity, enabled, config)
SELECT r.code, r.name_zh, r.name_en, coalesce(r.detector, 'limit'), r.severity, coalesce(r.enabled, true), r.config
FROM jsonb_to_record($1::jsonb)
    AS r (code text, name_zh text, name_en text, detector text, severity smallint, enabled boolean, config jsonb)
ON CONFLICT (code) DO UPDATE
    SET version = rule.version + 1, name_zh = excluded.name_zh, name_en = excluded.name_en,
        detector = excluded.detector, severity = excluded.severity, enabled = excluded.enabled, config = excluded.config, updated_at = now()
    WHERE (rule.name_zh, rule.name_en, rule.detector, rule.severity, rule.enabled, rule.config)
        IS DISTINCT FROM (excluded.name_zh, excluded.name_en, excluded.detector, excluded.severity, excluded.enabled, excluded.config)

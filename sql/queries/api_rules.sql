-- Rules. $1 wards (rules have none), $2 after, $3 limit, $4 with geometry; $5 code.
SELECT r.id::text,
       json_build_object('code', r.code, 'version', r.version, 'name_zh', r.name_zh, 'name_en', r.name_en,
                         'detector', r.detector, 'severity', r.severity, 'enabled', r.enabled, 'config', r.config)::text,
       NULL
FROM wardwatch.rule r
WHERE ($1::int[] IS NULL OR true) AND NOT $4::boolean
  AND ($2::text IS NULL OR r.id > $2::text::int)
  AND ($5::text IS NULL OR r.code = $5::text)
ORDER BY r.id
LIMIT $3::bigint;

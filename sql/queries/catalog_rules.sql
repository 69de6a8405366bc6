SELECT id, version, severity, code, config::text FROM rule WHERE enabled AND detector = 'limit' ORDER BY id

SELECT id, version, severity, code, config::text, detector FROM rule WHERE enabled ORDER BY id

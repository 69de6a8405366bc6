-- once
-- One text that changes with anything that layers_columns.sql would tell. From the system's catalogue alone, a few hundred rows.
SELECT md5(coalesce(string_agg(concat_ws('|', c.oid, c.relname, c.relkind, c.relacl::text, obj_description(c.oid, 'pg_class'), a.attnum,
                                         a.attname, a.atttypid, a.atttypmod, a.attnotnull, col_description(c.oid, a.attnum),
                                         (SELECT string_agg(i.indexrelid::text || i.indisvalid, ',' ORDER BY i.indexrelid)
                                          FROM pg_index i
                                          WHERE i.indrelid = c.oid AND i.indisunique)),
                               E'\n' ORDER BY c.oid, a.attnum), ''))
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = to_regnamespace('layers') AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition;

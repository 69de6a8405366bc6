-- once
-- What is in schema layers: one row a column, in the order of creation. Columns: relation, kind, its comment, whether readers may
-- read it, name, type for casts, base type, category, not null, its comment, geometry type, SRID, place in the key (NULL: none).
SELECT c.relname, c.relkind, coalesce(obj_description(c.oid, 'pg_class'), ''),
       CASE WHEN to_regrole('wardwatch_reader') IS NULL THEN true
            ELSE has_table_privilege('wardwatch_reader', c.oid, 'SELECT') END,
       a.attname, format_type(a.atttypid, NULL), b.typname, b.typcategory, a.attnotnull,
       coalesce(col_description(c.oid, a.attnum), ''),
       CASE WHEN b.typname = 'geometry' THEN postgis_typmod_type(a.atttypmod)
            WHEN b.typname = 'geography' THEN replace(format_type(a.atttypid, a.atttypmod), 'geography', '') END,
       CASE WHEN b.typname = 'geometry' THEN postgis_typmod_srid(a.atttypmod) WHEN b.typname = 'geography' THEN 4326 END,
       array_position(k.columns, a.attnum::integer)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
LEFT JOIN LATERAL (SELECT (string_to_array(i.indkey::text, ' ')::integer[])[1:i.indnkeyatts] AS columns
                   FROM pg_index i
                   WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
                     AND NOT EXISTS (SELECT
                                     FROM pg_attribute n
                                     WHERE n.attrelid = c.oid AND NOT n.attnotnull
                                       AND n.attnum = ANY ((string_to_array(i.indkey::text, ' ')::integer[])[1:i.indnkeyatts]))
                   ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
                   LIMIT 1) k ON true
WHERE c.relnamespace = to_regnamespace('layers') AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition
ORDER BY c.oid, a.attnum;

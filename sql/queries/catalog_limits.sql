-- Limits with their bounds as they are, and the row as an explanation shows it. Times in microseconds, NULL = infinite.
SELECT l.id, l.property_id, l.standard_no, l.class, l.averaging, l.lower, l.upper, l.unit, l.hour_from, l.hour_to,
       CASE WHEN isfinite(l.valid_from) THEN (extract(epoch FROM l.valid_from) * 1000000)::bigint END,
       CASE WHEN isfinite(l.valid_to) THEN (extract(epoch FROM l.valid_to) * 1000000)::bigint END,
       json_build_object('id', l.id, 'standard_no', l.standard_no, 'edition', l.edition, 'class', l.class,
                         'averaging', l.averaging, 'lower', l.lower, 'upper', l.upper, 'unit', l.unit,
                         'hour_from', l.hour_from, 'hour_to', l.hour_to, 'valid_from', l.valid_from,
                         'valid_to', l.valid_to, 'status', l.status, 'source', l.source, 'note', l.note)::text
FROM limit_value l
ORDER BY l.id

-- Rows that could not be taken, newest first; the bytes come as they are, for the caller to make text of.
-- They have no ward: only inspectors over all wards may ask, $1 is checked again here.
-- Passwords and keys of HJ 212 stations are not shown (dead_letter_shown); what is kept, and sent again when no other text is given,
-- has them.
-- $1 wards, $2 after, $3 limit, $4 with geometry; $5 feed, $6 state.
SELECT l.id::text,
       json_build_object('id', l.id, 'feed', l.feed, 'raw_message', l.raw_message_id, 'line', l.line, 'column', l.col,
                         'field', l.field, 'reason', l.reason, 'recorded_at', l.recorded_at, 'state', l.state,
                         'resolved_at', l.resolved_at, 'resolved_by', l.resolved_by, 'raw_bytes', l.raw_bytes)::text,
       NULL,
       l.raw
FROM wardwatch.dead_letter_shown l
WHERE $1::int[] IS NULL
  AND NOT $4::boolean
  AND ($2::text IS NULL OR l.id < $2::text::bigint)
  AND ($5::text IS NULL OR l.feed_id = (SELECT x.id FROM wardwatch.feed x WHERE x.name = $5::text))
  AND ($6::text IS NULL OR l.state = $6::text)
ORDER BY l.id DESC
LIMIT $3::bigint;

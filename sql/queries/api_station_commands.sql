-- What the host asked of stations, newest first; new passwords and keys are covered, in requests and in answers (station_command_shown).
-- $1 wards (only accounts over all wards may ask), $2 after, $3 limit, $4 with geometry; $5 mn, $6 state, $7 purpose, $8 id.
SELECT c.id::text,
       json_build_object('id', c.id, 'mn', c.mn, 'cn', c.cn,
                         'fields', c.fields,
                         'purpose', c.purpose, 'state', c.state, 'requested_by', c.requested_by, 'created_at', c.created_at,
                         'not_before', c.not_before, 'sent_at', c.sent_at, 'qn', c.qn, 'tries', c.tries, 'qn_rtn', c.qn_rtn,
                         'exe_rtn', c.exe_rtn,
                         'answers', c.answers,
                         'reason', c.reason, 'finished_at', c.finished_at)::text,
       NULL
FROM wardwatch.station_command_shown c
WHERE $1::int[] IS NULL AND NOT $4::boolean
  AND ($2::text IS NULL OR c.id < $2::text::bigint)
  AND ($5::text IS NULL OR c.mn = $5::text)
  AND ($6::text IS NULL OR c.state = $6::text)
  AND ($7::text IS NULL OR c.purpose = $7::text)
  AND ($8::text IS NULL OR c.id = $8::text::bigint)
ORDER BY c.id DESC
LIMIT $3::bigint;

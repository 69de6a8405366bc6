-- What the host asked of stations, newest first; new passwords and keys are covered, in requests and in answers.
-- $1 wards (only accounts over all wards may ask), $2 after, $3 limit, $4 with geometry; $5 mn, $6 state, $7 purpose, $8 id.
SELECT c.id::text,
       json_build_object('id', c.id, 'mn', c.mn, 'cn', c.cn,
                         'fields', (SELECT coalesce(json_agg(CASE WHEN f.pair ->> 0 IN ('NewPW', 'NewSK')
                                                                  THEN jsonb_build_array(f.pair -> 0, '***') ELSE f.pair END
                                                             ORDER BY f.n), '[]')
                                    FROM jsonb_array_elements(c.fields) WITH ORDINALITY AS f (pair, n)),
                         'purpose', c.purpose, 'state', c.state, 'requested_by', c.requested_by, 'created_at', c.created_at,
                         'not_before', c.not_before, 'sent_at', c.sent_at, 'qn', c.qn, 'tries', c.tries, 'qn_rtn', c.qn_rtn,
                         'exe_rtn', c.exe_rtn,
                         'answers', (SELECT coalesce(json_agg(
                                                CASE WHEN a.one ? 'data'
                                                     THEN a.one || jsonb_build_object('data', regexp_replace(a.one ->> 'data',
                                                              '(NewPW|NewSK)=[^;,&]*', '\1=***', 'gi'))
                                                     ELSE a.one END ORDER BY a.n), '[]')
                                     FROM jsonb_array_elements(c.answers) WITH ORDINALITY AS a (one, n)),
                         'reason', c.reason, 'finished_at', c.finished_at)::text,
       NULL
FROM wardwatch.station_command c
WHERE $1::int[] IS NULL AND NOT $4::boolean
  AND ($2::text IS NULL OR c.id < $2::text::bigint)
  AND ($5::text IS NULL OR c.mn = $5::text)
  AND ($6::text IS NULL OR c.state = $6::text)
  AND ($7::text IS NULL OR c.purpose = $7::text)
  AND ($8::text IS NULL OR c.id = $8::text::bigint)
ORDER BY c.id DESC
LIMIT $3::bigint;

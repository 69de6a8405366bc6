-- once
-- For the command line: where command $1 stands, with a row for each answer after the $2-th (or one row without).
-- state, QN, QnRtn, ExeRtn, reason, whether the station is connected, number of the answer, its CN, its data.
SELECT c.state, c.qn, c.qn_rtn, c.exe_rtn, c.reason,
       coalesce((SELECT e.kind = 'connected' FROM wardwatch.station_event e
                 WHERE e.mn = c.mn AND e.kind IN ('connected', 'disconnected') ORDER BY e.id DESC LIMIT 1), false),
       a.n, a.one ->> 'cn', regexp_replace(a.one ->> 'data', '(NewPW|NewSK)=[^;,&]*', '\1=***', 'gi')
FROM wardwatch.station_command c
LEFT JOIN LATERAL jsonb_array_elements(c.answers) WITH ORDINALITY AS a (one, n) ON a.n > $2::bigint
WHERE c.id = $1::bigint
ORDER BY a.n;

-- $1 rule id. Open alerts: subject, last seen (microseconds), peak, members as it was told last, false, the look at which
-- it was largest; muted clusters: subject, and true.
(SELECT subject_id, (extract(epoch FROM last_exceeded_at) * 1000000)::bigint, peak_value,
        coalesce(latest->'members', explanation->'members', '[]')::text, false, coalesce(latest->'peak', explanation)::text
 FROM alert
 WHERE rule_id = $1::int AND state = 'open' AND subject_kind = 'ward'
 ORDER BY id
 LIMIT 64)
UNION ALL
(SELECT subject_id, 0, NULL, NULL, true, NULL
 FROM muted_signal
 WHERE rule_id = $1::int AND ended_at IS NULL AND subject_kind = 'ward'
 LIMIT 64)

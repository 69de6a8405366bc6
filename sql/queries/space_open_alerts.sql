-- $1 rule id. Open alerts: subject, last seen (microseconds), peak, members as it was told last.
SELECT subject_id, (extract(epoch FROM last_exceeded_at) * 1000000)::bigint, peak_value,
       coalesce(latest->'members', explanation->'members', '[]')::text
FROM alert
WHERE rule_id = $1::int AND state = 'open' AND subject_kind = 'ward'
ORDER BY id
LIMIT 64

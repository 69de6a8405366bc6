-- once
-- $1 rule, $2 a moment, $3 alert that is looked at: the rule's other alerts that were open then: subject, last seen (microseconds), peak,
-- members as they were told last.
SELECT subject_id, (extract(epoch FROM last_exceeded_at) * 1000000)::bigint, peak_value,
       coalesce(latest->'members', explanation->'members', '[]')::text
FROM alert
WHERE rule_id = $1::int AND subject_kind = 'ward' AND id <> $3::bigint AND opened_at < $2::timestamptz
  AND coalesce(cleared_at, 'infinity') > $2::timestamptz
ORDER BY id
LIMIT 64

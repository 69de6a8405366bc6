-- once
-- $1 rule, $2 alert that is looked at, $3 a moment: the rule's other alerts about senders that were open then: whether of a feed, subject,
-- opened (microseconds), how many.
SELECT a.subject_kind = 'feed', a.subject_id, (extract(epoch FROM a.opened_at) * 1000000)::bigint, a.exceed_count
FROM alert a
WHERE a.rule_id = $1::int AND a.id <> $2::bigint AND a.opened_at < $3::timestamptz
  AND coalesce(a.cleared_at, 'infinity') > $3::timestamptz AND a.subject_kind IN ('thing', 'feed')

-- once
-- $1 rule, $2 datastream, $3 alert that is looked at, $4 a moment: the alert of that rule about that datastream that was open
-- then and is not $3: its count, peak, peak_at, last_exceeded_at.
SELECT a.exceed_count, a.peak_value, (extract(epoch FROM a.peak_at) * 1000000)::bigint,
       (extract(epoch FROM a.last_exceeded_at) * 1000000)::bigint
FROM alert a
WHERE a.rule_id = $1::int AND a.subject_kind = 'datastream' AND a.subject_id = $2::bigint AND a.id <> $3::bigint
  AND a.detected_at < $4::timestamptz
  AND NOT EXISTS (SELECT FROM alert_event e WHERE e.alert_id = a.id AND e.kind = 'cleared' AND e.recorded_at < $4::timestamptz)
ORDER BY a.id DESC
LIMIT 1

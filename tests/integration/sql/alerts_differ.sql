-- Every alert that the server raised and SQL did not, or that differs in anything; no row is what we want.
SELECT r.code, coalesce(s.subject_id, e.datastream_id) AS datastream,
       CASE WHEN s.id IS NULL THEN 'missing' WHEN e.rule_id IS NULL THEN 'too many' ELSE 'differs' END AS fault,
       s.opened_at, e.opened_at, s.cleared_at, e.cleared_at, s.peak_value, e.peak_value, s.exceed_count, e.exceed_count,
       s.ward_id, e.ward_id
FROM wardwatch.alert s
FULL JOIN again.alert e ON e.rule_id = s.rule_id AND e.datastream_id = s.subject_id AND e.opened_at = s.opened_at
JOIN wardwatch.rule r ON r.id = coalesce(s.rule_id, e.rule_id)
WHERE s.id IS NULL OR e.rule_id IS NULL
   OR (s.ward_id, s.cleared_at, s.limit_value_id, s.peak_at, s.exceed_count, s.last_exceeded_at, s.state)
      IS DISTINCT FROM (e.ward_id, e.cleared_at, e.limit_id, e.peak_at, e.exceed_count, e.last_exceeded_at,
                        CASE WHEN e.cleared_at IS NULL THEN 'open' ELSE 'cleared' END)
   OR abs(s.peak_value - e.peak_value) > 1e-9 * abs(e.peak_value)
ORDER BY 1, 2, 4;

-- Clears open alerts of rules with detector scan or hotspot that are switched off, gone to another detector or removed. $1 int[]: the
-- rules that are there. Their maps go too.
WITH maps AS (DELETE FROM hotspot WHERE NOT rule_id = ANY ($1::int[]))
SELECT alert_apply(coalesce((SELECT jsonb_agg(jsonb_build_object('op', 'clear', 'rule', a.rule_id, 'kind', a.subject_kind,
                                                                 'subject', a.subject_id, 'at', now()))
                             FROM alert a
                             WHERE a.state = 'open' AND a.detector IN ('scan', 'hotspot')
                               AND NOT a.rule_id = ANY ($1::int[])), '[]'))

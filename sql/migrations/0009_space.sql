-- Alerts about what happens in space: clusters of events, hot spots, where it came from.
SET LOCAL search_path = wardwatch, public;

INSERT INTO observed_property (code, name_zh, name_en, unit, definition) VALUES
    ('event_cluster', '事件聚集', 'Cluster of events', '1', 'How many events a cluster holds: docs/guides/live-scan.md');

-- What a detector says of an open alert now. The explanation stays as it was when the alert opened, as its leaf in the ledger has it.
ALTER TABLE alert ADD COLUMN latest jsonb;
COMMENT ON COLUMN alert.latest IS 'Members of the explanation as they are now, where they have changed since it opened';

-- Actions with a member `latest` replace these members; others change nothing.
CREATE FUNCTION alert_note(actions jsonb) RETURNS integer
LANGUAGE sql SET search_path = wardwatch, public AS $$
    WITH noted AS (
        UPDATE alert a
        SET latest = coalesce(a.latest, '{}') || x.action->'latest'
        FROM jsonb_array_elements(actions) AS x (action)
        WHERE x.action ? 'latest' AND a.rule_id = (x.action->>'rule')::int AND a.subject_kind = x.action->>'kind'
          AND a.subject_id = (x.action->>'subject')::bigint AND a.state = 'open'
        RETURNING 1)
    SELECT count(*)::integer FROM noted
$$;

-- What an alert says of itself: the explanation it was opened with, all reasons that joined later, and what is known now.
CREATE OR REPLACE FUNCTION alert_explanation(a alert) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE SET search_path = wardwatch, public AS $$
    SELECT a.explanation || coalesce(a.latest, '{}')
           || CASE WHEN j.reasons IS NULL THEN '{}'
                   ELSE jsonb_build_object('reasons', coalesce(a.explanation->'reasons', '[]') || j.reasons) END
    FROM (SELECT jsonb_agg(e.detail->'reason' ORDER BY e.id) AS reasons
          FROM alert_event e
          WHERE e.alert_id = a.id AND e.kind = 'joined' AND e.detail ? 'reason') j
$$;

-- What people do with alerts: acknowledged, assigned, commented, snoozed, escalated, resolved. geo/alert/work.h, docs/guides/alerts.md
SET LOCAL search_path = wardwatch, public;

-- ── History ─────────────────────────────────────────────────────────────────────────────────
-- Every transition of an alert, whoever made it: actor, time, reason. Nothing of it is changed or taken away.

ALTER TABLE alert_event
    ADD COLUMN reason text NOT NULL DEFAULT '',
    DROP CONSTRAINT alert_event_kind_check,
    ADD CONSTRAINT alert_event_kind_check CHECK (kind IN (
        'opened', 'joined', 'raised', 'cleared', 'acknowledged', 'unacknowledged', 'assigned', 'unassigned', 'commented', 'snoozed',
        'unsnoozed', 'escalated', 'resolved', 'reopened'));
COMMENT ON COLUMN alert_event.actor IS 'wardwatch (the detectors) or the name of an account';
COMMENT ON COLUMN alert_event.reason IS 'What a person gave as reason; what detectors saw stands in detail and in the explanation';

CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER alert_event_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON alert_event FOR EACH STATEMENT EXECUTE FUNCTION keep_history();
CREATE TRIGGER alert_outcome_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON alert_outcome FOR EACH STATEMENT EXECUTE FUNCTION keep_history();

-- ── The work as it is ───────────────────────────────────────────────────────────────────────
-- Beside the alert and not in its row, so that no ingesting transaction waits for a person's, nor the other way about. A row is there
-- from the first act on.

CREATE TABLE alert_work (
    alert_id         bigint PRIMARY KEY REFERENCES alert ON DELETE CASCADE,
    version          integer NOT NULL, -- counts acts: who writes must have seen the one before
    acknowledged_by  text NOT NULL DEFAULT '',
    acknowledged_at  timestamptz,
    assignee         text NOT NULL DEFAULT '',
    level            smallint NOT NULL DEFAULT 0 CHECK (level BETWEEN 0 AND 3),
    snoozed_until    timestamptz, -- infinity: until it clears
    snoozed_severity smallint,    -- what is worse is told
    was              text NOT NULL DEFAULT '', -- '' = not resolved
    effect           text NOT NULL DEFAULT '',
    resolved_by      text NOT NULL DEFAULT '',
    resolved_at      timestamptz,
    updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_work_assignee ON alert_work (assignee) WHERE assignee <> '' AND was = '';

ALTER TABLE alert_outcome
    ADD COLUMN was    text NOT NULL DEFAULT '',
    ADD COLUMN effect text NOT NULL DEFAULT '';
COMMENT ON COLUMN alert_outcome.outcome IS 'What `was` says of the rule: it was right, it was wrong, or nothing (ww_work_verdict)';

-- A transition that a person made, or that is about what people did, with its leaf. The caller holds the lock of 0003_alert_apply.sql.
CREATE FUNCTION alert_event_add(a alert, the_kind text, the_actor text, the_reason text, what jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
DECLARE
    event_id bigint;
BEGIN
    INSERT INTO alert_event (alert_id, ward_id, kind, at, actor, reason, detail)
    VALUES (a.id, a.ward_id, the_kind, now(), the_actor, the_reason, what)
    RETURNING id INTO event_id;
    INSERT INTO ledger (kind, ref, leaf)
    VALUES ('alert_event', event_id,
            sha256('\x00'::bytea || convert_to(concat_ws('|', 'alert_event', event_id, a.id, the_kind, extract(epoch FROM now()), the_actor,
                                                         the_reason, what), 'UTF8')));
    RETURN event_id;
END $$;

-- One act, decided by ww_work_do on the work of `seen_version`. 'done'; 'moved': somebody was faster, nothing is written;
-- 'nobody': there is no such account that sees the alert.
CREATE FUNCTION alert_act(the_alert bigint, seen_version bigint, the_kind text, the_actor text, the_reason text, acknowledged text, the_assignee text,
                          the_level bigint, until timestamptz, the_was text, the_effect text, verdict text) RETURNS text
LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
DECLARE
    a        alert;
    event_id bigint;
    what     jsonb;
BEGIN
    SELECT * INTO a FROM alert WHERE id = the_alert;
    IF the_kind = 'assigned' AND NOT EXISTS (
        SELECT FROM account c
        WHERE c.name = the_assignee AND NOT c.disabled AND c.role <> 'feed'
          AND (c.all_wards OR EXISTS (SELECT FROM membership m WHERE m.account_id = c.id AND m.ward_id = a.ward_id))) THEN
        RETURN 'nobody';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('wardwatch.alert_event'));
    INSERT INTO alert_work AS k (alert_id, version, acknowledged_by, acknowledged_at, assignee, level, snoozed_until, snoozed_severity,
                                 was, effect, resolved_by, resolved_at)
    SELECT the_alert, 1, acknowledged, CASE WHEN acknowledged <> '' THEN now() END, the_assignee, the_level, until,
           CASE WHEN until IS NOT NULL THEN a.severity END, the_was, the_effect,
           CASE WHEN the_was <> '' THEN the_actor ELSE '' END, CASE WHEN the_was <> '' THEN now() END
    WHERE seen_version = 0 OR EXISTS (SELECT FROM alert_work w WHERE w.alert_id = the_alert)
    ON CONFLICT (alert_id) DO UPDATE
    SET version = k.version + 1, acknowledged_by = excluded.acknowledged_by,
        acknowledged_at = CASE WHEN excluded.acknowledged_by = k.acknowledged_by THEN k.acknowledged_at ELSE excluded.acknowledged_at END,
        assignee = excluded.assignee, level = excluded.level, snoozed_until = excluded.snoozed_until,
        snoozed_severity = CASE WHEN the_kind = 'snoozed' OR until IS NULL THEN excluded.snoozed_severity ELSE k.snoozed_severity END,
        was = excluded.was, effect = excluded.effect,
        resolved_by = CASE WHEN the_kind = 'resolved' OR the_was = '' THEN excluded.resolved_by ELSE k.resolved_by END,
        resolved_at = CASE WHEN the_kind = 'resolved' OR the_was = '' THEN excluded.resolved_at ELSE k.resolved_at END,
        updated_at = now()
    WHERE k.version = seen_version;
    IF NOT FOUND THEN
        RETURN 'moved';
    END IF;
    what := CASE the_kind WHEN 'assigned' THEN jsonb_build_object('assignee', the_assignee)
                          WHEN 'escalated' THEN jsonb_build_object('level', the_level)
                          WHEN 'snoozed' THEN jsonb_build_object('until', CASE WHEN isfinite(until) THEN to_jsonb(until) ELSE '"cleared"' END)
                          WHEN 'resolved' THEN jsonb_build_object('was', the_was, 'effect', the_effect)
                          ELSE '{}' END;
    event_id := alert_event_add(a, the_kind, the_actor, the_reason, what);
    IF the_kind = 'resolved' THEN
        INSERT INTO alert_outcome (alert_id, outcome, was, effect, actor, note)
        VALUES (the_alert, verdict, the_was, the_effect, the_actor, the_reason);
    ELSIF the_kind IN ('assigned', 'escalated') THEN -- somebody is to know of it
        INSERT INTO outbox (alert_event_id, topic, payload)
        VALUES (event_id, 'alert', jsonb_build_object('alert_event', event_id, 'alert', the_alert, 'op', the_kind));
    END IF;
    RETURN 'done';
END $$;

-- ── Who sees it ─────────────────────────────────────────────────────────────────────────────
-- Who works on what, and what they said, is not for readers without an account, where the map is open to them.

CREATE FUNCTION reader_is_known() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = wardwatch, pg_temp AS $$
    SELECT CASE WHEN reader_is_server()
                THEN current_setting('role') = 'none' OR coalesce(current_setting('wardwatch.account_role', true), '') <> ''
                ELSE EXISTS (SELECT FROM account a WHERE a.database_role = session_user AND NOT a.disabled) END
$$;

ALTER TABLE alert_work ENABLE ROW LEVEL SECURITY;
CREATE POLICY reader_sees ON alert_work FOR SELECT
    USING ((SELECT reader_is_known()) AND ((SELECT reader_sees_all()) OR EXISTS (SELECT FROM alert a WHERE a.id = alert_id)));
CREATE POLICY acts_are_for_the_known ON alert_event AS RESTRICTIVE FOR SELECT
    USING (kind IN ('opened', 'joined', 'raised', 'cleared') OR (SELECT reader_is_known()));
GRANT SELECT ON alert_work TO wardwatch_reader;

-- Detectors that learn, and those of areas: alerts of them, and how signals of one event become one alert.
-- docs/decisions/014-detectors-as-rules.md says why it is so.
SET LOCAL search_path = wardwatch, public;

ALTER TABLE rule
    DROP CONSTRAINT rule_detector_check,
    ADD CONSTRAINT rule_detector_check CHECK (detector IN ('limit', 'silence', 'clock_drift', 'baseline', 'neighbour', 'quality',
                                                           'scan', 'hotspot', 'joined'));

-- lead: readings that look made up. Nothing to send a street office to, and no broken sensor either.
ALTER TABLE alert
    DROP CONSTRAINT alert_category_check,
    ADD CONSTRAINT alert_category_check CHECK (category IN ('pollution', 'sensor', 'lead'));
COMMENT ON COLUMN alert.category IS
    'pollution: something is wrong in the world; sensor: with who tells us; lead: readings that look made up';

-- joined: another detector says so too; raised: a stronger rule has taken the alert over.
ALTER TABLE alert_event
    DROP CONSTRAINT alert_event_kind_check,
    ADD CONSTRAINT alert_event_kind_check CHECK (kind IN ('opened', 'joined', 'raised', 'cleared'));

-- As in 0006, and:
--   open with takes {rule, datastream}: the open alert of that rule about that datastream becomes this one's: one event,
--     one alert. Its row is overwritten, what it was stays in the event 'raised'. Without such an alert it is a plain open.
--   join {reason}: another signal of the event that the open alert is about. The alert's explanation stays what it was, so
--     that its leaf in the ledger can be computed again; the reason is in the event 'joined' (alert_explanation).
CREATE OR REPLACE FUNCTION alert_apply(actions jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
DECLARE
    a           jsonb;
    the_kind    text;
    the_subject bigint;
    the_alert   alert;
    event_id    bigint;
    n           integer := 0;
    the_event   text;
    before      jsonb;    -- what a raised alert was before
    finals      jsonb[];  -- by the number of an opening: the clearing that ends it
    alerts      bigint[]; -- and the alert that was written for it
    raised      boolean[]; -- which was there before
    final       jsonb;
BEGIN
    FOR a IN SELECT x FROM jsonb_array_elements(actions) AS x WHERE x->>'op' = 'clear' AND x ? 'of' LOOP
        finals[(a->>'of')::int] := a;
    END LOOP;
    IF EXISTS (SELECT FROM jsonb_array_elements(actions) AS x WHERE x->>'op' <> 'update') THEN
        PERFORM pg_advisory_xact_lock(hashtext('wardwatch.alert_event'));
    END IF;
    FOR a IN SELECT jsonb_array_elements(actions) LOOP
        the_alert := NULL;
        final := NULL;
        before := NULL;
        the_event := CASE a->>'op' WHEN 'open' THEN 'opened' WHEN 'join' THEN 'joined' ELSE 'cleared' END;
        the_kind := coalesce(a->>'kind', 'datastream');
        the_subject := coalesce(a->>'subject', a->>'datastream')::bigint;
        IF a->>'op' = 'open' AND a ? 'takes' THEN
            SELECT jsonb_build_object('rule', (SELECT r.code FROM rule r WHERE r.id = o.rule_id), 'detector', o.detector,
                                      'subject_kind', o.subject_kind, 'subject', o.subject_id, 'opened_at', o.opened_at,
                                      'severity', o.severity, 'explanation', o.explanation)
            INTO before
            FROM alert o
            WHERE o.rule_id = (a->'takes'->>'rule')::int AND o.subject_kind = 'datastream'
              AND o.subject_id = (a->'takes'->>'datastream')::bigint AND o.state = 'open'
              AND o.ward_id IS NOT DISTINCT FROM (a->>'ward')::int
              AND NOT EXISTS (SELECT FROM alert x
                              WHERE x.rule_id = (a->>'rule')::int AND x.subject_kind = the_kind AND x.subject_id = the_subject
                                AND x.ward_id IS NOT DISTINCT FROM (a->>'ward')::int AND x.state = 'open');
        END IF;
        IF before IS NOT NULL THEN
            UPDATE alert
            SET rule_id = (a->>'rule')::int, rule_version = (a->>'version')::int, category = coalesce(a->>'category', 'pollution'),
                detector = coalesce(a->>'detector', 'limit'), subject_kind = the_kind, subject_id = the_subject,
                severity = greatest(severity, (a->>'severity')::smallint), last_exceeded_at = (a->>'last_at')::timestamptz,
                exceed_count = (a->>'count')::bigint, last_value = (a->>'last')::float8, peak_value = (a->>'peak')::float8,
                peak_at = (a->>'peak_at')::timestamptz, limit_value_id = (a->>'limit')::bigint,
                property_id = CASE WHEN a ? 'property' THEN (SELECT p.id FROM observed_property p WHERE p.code = a->>'property') END,
                explanation = a->'explanation'
                              || jsonb_build_object('reasons', coalesce(a->'explanation'->'reasons', '[]')
                                                               || coalesce(before->'explanation'->'reasons', '[]'))
            WHERE rule_id = (a->'takes'->>'rule')::int AND subject_kind = 'datastream'
              AND subject_id = (a->'takes'->>'datastream')::bigint AND state = 'open'
              AND ward_id IS NOT DISTINCT FROM (a->>'ward')::int
            RETURNING * INTO the_alert;
            the_event := 'raised';
            raised[(a->>'number')::int] := true;
            alerts[(a->>'number')::int] := the_alert.id;
        ELSIF a->>'op' = 'open' THEN
            final := finals[(a->>'number')::int];
            INSERT INTO alert (rule_id, rule_version, category, detector, subject_kind, subject_id, ward_id, state, severity,
                               opened_at, last_exceeded_at, cleared_at, exceed_count, last_value, peak_value, peak_at,
                               property_id, limit_value_id, explanation)
            SELECT (a->>'rule')::int, (a->>'version')::int, coalesce(a->>'category', 'pollution'),
                   coalesce(a->>'detector', 'limit'), the_kind, the_subject, (a->>'ward')::int,
                   CASE WHEN final IS NULL THEN 'open' ELSE 'cleared' END, (a->>'severity')::smallint,
                   (a->>'at')::timestamptz, (coalesce(final, a)->>'last_at')::timestamptz, (final->>'at')::timestamptz,
                   (coalesce(final, a)->>'count')::bigint, (coalesce(final, a)->>'last')::float8,
                   (coalesce(final, a)->>'peak')::float8, (coalesce(final, a)->>'peak_at')::timestamptz,
                   CASE WHEN a ? 'property' THEN (SELECT p.id FROM observed_property p WHERE p.code = a->>'property') END,
                   (a->>'limit')::bigint, a->'explanation'
            WHERE final IS NULL
               OR NOT EXISTS (SELECT FROM alert o
                              WHERE o.rule_id = (a->>'rule')::int AND o.subject_kind = the_kind AND o.subject_id = the_subject
                                AND o.ward_id IS NOT DISTINCT FROM (a->>'ward')::int AND o.state = 'open')
            ON CONFLICT (rule_id, subject_kind, subject_id, ward_id) WHERE state = 'open' DO NOTHING
            RETURNING * INTO the_alert;
            IF a ? 'number' THEN
                alerts[(a->>'number')::int] := the_alert.id;
            END IF;
        ELSIF a->>'op' = 'join' THEN
            SELECT * INTO the_alert FROM alert o
            WHERE CASE WHEN a ? 'of' THEN o.id = alerts[(a->>'of')::int]
                       ELSE o.rule_id = (a->>'rule')::int AND o.subject_kind = the_kind AND o.subject_id = the_subject
                            AND o.state = 'open' END
            ORDER BY o.id
            LIMIT 1;
            IF (SELECT count(*) >= 16 -- so many say enough
                       OR bool_or(e.detail->'reason'->>'rule' = a->'reason'->>'rule'
                                  AND e.detail->'reason'->>'datastream' = a->'reason'->>'datastream') -- told before a restart
                FROM alert_event e WHERE e.alert_id = the_alert.id AND e.kind = 'joined') THEN
                CONTINUE;
            END IF;
        ELSIF a ? 'of' AND raised[(a->>'of')::int] IS NOT TRUE THEN
            SELECT * INTO the_alert FROM alert WHERE id = alerts[(a->>'of')::int];
        ELSE
            UPDATE alert
            SET last_exceeded_at = coalesce((a->>'last_at')::timestamptz, last_exceeded_at),
                exceed_count = coalesce((a->>'count')::bigint, exceed_count),
                last_value = coalesce((a->>'last')::float8, last_value),
                peak_value = coalesce((a->>'peak')::float8, peak_value),
                peak_at = coalesce((a->>'peak_at')::timestamptz, peak_at),
                state = CASE a->>'op' WHEN 'clear' THEN 'cleared' ELSE state END,
                cleared_at = CASE a->>'op' WHEN 'clear' THEN (a->>'at')::timestamptz END
            WHERE rule_id = (a->>'rule')::int AND subject_kind = the_kind AND subject_id = the_subject AND state = 'open'
            RETURNING * INTO the_alert;
        END IF;
        IF the_alert.id IS NULL OR a->>'op' = 'update' THEN
            CONTINUE; -- another server opened or cleared it first, or nothing that people need be told
        END IF;
        INSERT INTO alert_event (alert_id, ward_id, kind, at, detail)
        VALUES (the_alert.id, the_alert.ward_id, the_event, (a->>'at')::timestamptz,
                jsonb_build_object('value', coalesce((a->>'last')::float8, the_alert.last_value),
                                   'peak_value', coalesce((a->>'peak')::float8, the_alert.peak_value),
                                   'exceed_count', coalesce((a->>'count')::bigint, the_alert.exceed_count))
                || CASE WHEN a ? 'reason' THEN jsonb_build_object('reason', a->'reason') ELSE '{}' END
                || CASE WHEN before IS NOT NULL THEN jsonb_build_object('before', before) ELSE '{}' END)
        RETURNING id INTO event_id;
        IF the_event <> 'joined' THEN -- one event, one message: another reason for it is no news
            INSERT INTO outbox (alert_event_id, topic, payload)
            VALUES (event_id, 'alert', jsonb_build_object('alert_event', event_id, 'alert', the_alert.id, 'op',
                                                          CASE the_event WHEN 'raised' THEN 'raise' ELSE a->>'op' END));
        END IF;
        INSERT INTO ledger (kind, ref, leaf)
        VALUES ('alert_event', event_id,
                sha256('\x00'::bytea || convert_to(concat_ws('|', 'alert_event', event_id, the_alert.id, a->>'op', a->>'at',
                                                             coalesce(a->'reason', the_alert.explanation)::text), 'UTF8')));
        n := n + 1;
    END LOOP;
    RETURN n;
END $$;

-- What an alert says of itself: the explanation it was opened with and all reasons, those that joined later too.
CREATE FUNCTION alert_explanation(a alert) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE SET search_path = wardwatch, public AS $$
    SELECT CASE WHEN j.reasons IS NULL THEN a.explanation
                ELSE a.explanation || jsonb_build_object('reasons', coalesce(a.explanation->'reasons', '[]') || j.reasons) END
    FROM (SELECT jsonb_agg(e.detail->'reason' ORDER BY e.id) AS reasons
          FROM alert_event e
          WHERE e.alert_id = a.id AND e.kind = 'joined' AND e.detail ? 'reason') j
$$;

-- How a transaction's alert movements are written: opened, kept up to date, cleared.

-- Messages are looked up by their hash when a sender repeats one.
CREATE INDEX raw_message_sha256 ON wardwatch.raw_message (sha256);

-- `actions`: what ingest/judge.c made, in order. Returns how many alert events were written.
-- The lock makes alert_event ids come in commit order, so that a reader of the stream who has
-- seen an id will never meet a smaller one later.
--
-- An alert that opens and clears within these actions (a file of old readings) is written once, cleared: were it
-- updated, each one more of the same datastream would have to step over all before it in the index.
CREATE FUNCTION wardwatch.alert_apply(actions jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
DECLARE
    a         jsonb;
    the_alert alert;
    event_id  bigint;
    n         integer := 0;
    finals    jsonb[];  -- by the number of an opening: the clearing that ends it
    alerts    bigint[]; -- and the alert that was written for it
    final     jsonb;
BEGIN
    FOR a IN SELECT x FROM jsonb_array_elements(actions) AS x WHERE x ? 'of' LOOP
        finals[(a->>'of')::int] := a;
    END LOOP;
    IF EXISTS (SELECT FROM jsonb_array_elements(actions) AS x WHERE x->>'op' <> 'update') THEN
        PERFORM pg_advisory_xact_lock(hashtext('wardwatch.alert_event'));
    END IF;
    FOR a IN SELECT jsonb_array_elements(actions) LOOP
        the_alert := NULL;
        IF a->>'op' = 'open' AND finals[(a->>'number')::int] IS NOT NULL THEN
            final := finals[(a->>'number')::int];
            INSERT INTO alert (rule_id, rule_version, subject_kind, subject_id, ward_id, state, severity, opened_at,
                               last_exceeded_at, cleared_at, exceed_count, last_value, peak_value, peak_at,
                               limit_value_id, explanation)
            SELECT (a->>'rule')::int, (a->>'version')::int, 'datastream', (a->>'datastream')::bigint,
                   (a->>'ward')::int, 'cleared', (a->>'severity')::smallint, (a->>'at')::timestamptz,
                   (final->>'last_at')::timestamptz, (final->>'at')::timestamptz, (final->>'count')::bigint,
                   (final->>'last')::float8, (final->>'peak')::float8, (final->>'peak_at')::timestamptz,
                   (a->>'limit')::bigint, a->'explanation'
            WHERE NOT EXISTS (SELECT FROM alert o
                              WHERE o.rule_id = (a->>'rule')::int AND o.subject_kind = 'datastream'
                                AND o.subject_id = (a->>'datastream')::bigint
                                AND o.ward_id IS NOT DISTINCT FROM (a->>'ward')::int AND o.state = 'open')
            RETURNING * INTO the_alert;
            alerts[(a->>'number')::int] := the_alert.id;
        ELSIF a->>'op' = 'open' THEN
            INSERT INTO alert (rule_id, rule_version, subject_kind, subject_id, ward_id, state, severity, opened_at,
                               last_exceeded_at, exceed_count, last_value, peak_value, peak_at, limit_value_id,
                               explanation)
            VALUES ((a->>'rule')::int, (a->>'version')::int, 'datastream', (a->>'datastream')::bigint,
                    (a->>'ward')::int, 'open', (a->>'severity')::smallint, (a->>'at')::timestamptz,
                    (a->>'last_at')::timestamptz, (a->>'count')::bigint, (a->>'last')::float8, (a->>'peak')::float8,
                    (a->>'peak_at')::timestamptz, (a->>'limit')::bigint, a->'explanation')
            ON CONFLICT (rule_id, subject_kind, subject_id, ward_id) WHERE state = 'open' DO NOTHING
            RETURNING * INTO the_alert;
        ELSIF a ? 'of' THEN
            SELECT * INTO the_alert FROM alert WHERE id = alerts[(a->>'of')::int];
        ELSE
            UPDATE alert
            SET last_exceeded_at = (a->>'last_at')::timestamptz,
                exceed_count = (a->>'count')::bigint,
                last_value = (a->>'last')::float8,
                peak_value = (a->>'peak')::float8,
                peak_at = (a->>'peak_at')::timestamptz,
                state = CASE a->>'op' WHEN 'clear' THEN 'cleared' ELSE state END,
                cleared_at = CASE a->>'op' WHEN 'clear' THEN (a->>'at')::timestamptz END
            WHERE rule_id = (a->>'rule')::int AND subject_kind = 'datastream'
              AND subject_id = (a->>'datastream')::bigint AND state = 'open'
            RETURNING * INTO the_alert;
        END IF;
        IF the_alert.id IS NULL OR a->>'op' = 'update' THEN
            CONTINUE; -- another server opened or cleared it first, or nothing that people need be told
        END IF;
        INSERT INTO alert_event (alert_id, ward_id, kind, at, detail)
        VALUES (the_alert.id, the_alert.ward_id, CASE a->>'op' WHEN 'open' THEN 'opened' ELSE 'cleared' END,
                (a->>'at')::timestamptz,
                jsonb_build_object('value', (a->>'last')::float8, 'peak_value', (a->>'peak')::float8,
                                   'exceed_count', (a->>'count')::bigint))
        RETURNING id INTO event_id;
        INSERT INTO outbox (alert_event_id, topic, payload)
        VALUES (event_id, 'alert', jsonb_build_object('alert_event', event_id, 'alert', the_alert.id, 'op', a->>'op'));
        INSERT INTO ledger (kind, ref, leaf)
        VALUES ('alert_event', event_id,
                sha256('\x00'::bytea || convert_to(concat_ws('|', 'alert_event', event_id, the_alert.id, a->>'op',
                                                             a->>'at', the_alert.explanation::text), 'UTF8')));
        n := n + 1;
    END LOOP;
    RETURN n;
END $$;

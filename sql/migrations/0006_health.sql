-- Feed health: what senders do, rules about silence and clocks, and alerts that are about a sender and not about pollution.
-- docs/decisions/013-alerts-of-any-detector.md says how further detectors use this.
SET LOCAL search_path = wardwatch, public;

-- ── Alerts of any detector ──────────────────────────────────────────────────────────────────

-- What sensor alerts speak of.
INSERT INTO observed_property (code, name_zh, name_en, unit, definition) VALUES
    ('silence',     '静默时长', 'Silence',     's', 'How long a sender has not been heard of'),
    ('clock_drift', '时钟偏差', 'Clock drift', 's', 'How far a sender''s clock is ahead of ours (negative: behind)');

ALTER TABLE rule
    DROP CONSTRAINT rule_detector_check,
    ADD CONSTRAINT rule_detector_check CHECK (detector IN ('limit', 'silence', 'clock_drift'));

ALTER TABLE alert
    ADD COLUMN category    text NOT NULL DEFAULT 'pollution',
    ADD COLUMN detector    text NOT NULL DEFAULT 'limit', -- the rule may change it later: what found this one
    ADD COLUMN property_id integer REFERENCES observed_property, -- NULL: that of the limit
    ALTER COLUMN limit_value_id DROP NOT NULL,
    DROP CONSTRAINT alert_subject_kind_check,
    ADD CONSTRAINT alert_subject_kind_check CHECK (subject_kind IN ('datastream', 'site', 'ward', 'thing', 'feed')),
    ADD CONSTRAINT alert_category_check CHECK (category IN ('pollution', 'sensor')),
    ADD CONSTRAINT alert_has_a_property CHECK (property_id IS NOT NULL OR limit_value_id IS NOT NULL);
CREATE INDEX alert_open_sensor ON alert (subject_kind, subject_id) WHERE state = 'open' AND category = 'sensor';
COMMENT ON COLUMN alert.category IS 'pollution: something is wrong in the world; sensor: something is wrong with who tells us';
COMMENT ON COLUMN alert.explanation IS
    'What was seen, what was expected, by which method and version of the rule; expected {lower, upper, unit} stands in for a limit_value';

-- As in 0003, for any subject. An action names {kind, subject}; without them it is about a {datastream}. What an
-- action does not say of last, peak and their times stays as it is.
CREATE OR REPLACE FUNCTION alert_apply(actions jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
DECLARE
    a           jsonb;
    the_kind    text;
    the_subject bigint;
    the_alert   alert;
    event_id    bigint;
    n           integer := 0;
    finals      jsonb[];  -- by the number of an opening: the clearing that ends it
    alerts      bigint[]; -- and the alert that was written for it
    final       jsonb;
BEGIN
    FOR a IN SELECT x FROM jsonb_array_elements(actions) AS x WHERE x ? 'of' LOOP
        finals[(a->>'of')::int] := a;
    END LOOP;
    IF EXISTS (SELECT FROM jsonb_array_elements(actions) AS x WHERE x->>'op' <> 'update') THEN
        PERFORM pg_advisory_xact_lock(hashtext('wardwatch.alert_event'));
    END IF;
    FOR a IN SELECT jsonb_array_elements(actions) LOOP
        the_alert := NULL;
        final := NULL;
        the_kind := coalesce(a->>'kind', 'datastream');
        the_subject := coalesce(a->>'subject', a->>'datastream')::bigint;
        IF a->>'op' = 'open' THEN
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
            IF final IS NOT NULL THEN
                alerts[(a->>'number')::int] := the_alert.id;
            END IF;
        ELSIF a ? 'of' THEN
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
        VALUES (the_alert.id, the_alert.ward_id, CASE a->>'op' WHEN 'open' THEN 'opened' ELSE 'cleared' END,
                (a->>'at')::timestamptz,
                jsonb_build_object('value', coalesce((a->>'last')::float8, the_alert.last_value),
                                   'peak_value', coalesce((a->>'peak')::float8, the_alert.peak_value),
                                   'exceed_count', coalesce((a->>'count')::bigint, the_alert.exceed_count)))
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

-- ── Health ──────────────────────────────────────────────────────────────────────────────────
-- Written by ingest/health_keeper.c every few seconds, many rows at a time. Counts are added to, times only grow, so that
-- several servers may write; `memory` is what ingest/health.c goes on with after a restart.

CREATE TABLE thing_health (
    thing_id            bigint PRIMARY KEY REFERENCES thing ON DELETE CASCADE,
    state               text NOT NULL DEFAULT 'unknown' CHECK (state IN ('ok', 'late', 'drifting', 'silent', 'unknown')),
    silent_since        timestamptz,
    last_received_at    timestamptz,
    last_phenomenon_at  timestamptz,
    lag_s               real,
    expected_s          real,
    expected_from       text CHECK (expected_from IN ('thing', 'datastream', 'station', 'feed', 'learned')),
    completeness_24h    real,
    drift_s             real,
    drift_from          text CHECK (drift_from IN ('clock', 'phenomenon')),
    stored              bigint NOT NULL DEFAULT 0,
    duplicates          bigint NOT NULL DEFAULT 0,
    corrections         bigint NOT NULL DEFAULT 0,
    dead                bigint NOT NULL DEFAULT 0,
    memory              jsonb NOT NULL DEFAULT '{}',
    server              text NOT NULL,
    as_of               timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50); -- rows are overwritten for ever: room for that on their own page

CREATE TABLE feed_health (
    feed_id             integer PRIMARY KEY REFERENCES feed ON DELETE CASCADE,
    state               text NOT NULL DEFAULT 'unknown' CHECK (state IN ('ok', 'late', 'drifting', 'silent', 'unknown')),
    silent_since        timestamptz,
    last_received_at    timestamptz,
    last_phenomenon_at  timestamptz,
    lag_s               real,
    expected_s          real,
    completeness_24h    real,
    stored              bigint NOT NULL DEFAULT 0,
    duplicates          bigint NOT NULL DEFAULT 0,
    corrections         bigint NOT NULL DEFAULT 0,
    dead                bigint NOT NULL DEFAULT 0,
    server              text NOT NULL,
    as_of               timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- One row a running server: what it wrote last (so that nothing is added twice), and that it lives.
CREATE TABLE health_server (
    id   text PRIMARY KEY,
    seq  bigint NOT NULL,
    at   timestamptz NOT NULL DEFAULT now()
);

-- As docs/API.md shows it.
CREATE FUNCTION health_json(h thing_health) RETURNS json LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN h.last_received_at IS NOT NULL THEN
        json_build_object('state', h.state, 'silent_since', h.silent_since, 'last_received_at', h.last_received_at,
                          'last_phenomenon_at', h.last_phenomenon_at, 'lag_s', h.lag_s, 'expected_s', h.expected_s,
                          'expected_from', h.expected_from, 'completeness_24h', h.completeness_24h, 'drift_s', h.drift_s,
                          'drift_from', h.drift_from,
                          'counts', json_build_object('stored', h.stored, 'duplicates', h.duplicates,
                                                      'corrections', h.corrections, 'dead', h.dead),
                          'as_of', h.as_of) END
$$;

-- ── Rules that come with the program ────────────────────────────────────────────────────────
-- Three values missing and a quarter of an hour at least; five minutes off for ten.

INSERT INTO rule (code, name_zh, name_en, detector, severity, config) VALUES
    ('sensor-silence', '监测设备静默', 'Sensor silent', 'silence', 2, '{"multiple": 3, "after_s": 900}'),
    ('sensor-clock', '监测设备时钟偏差', 'Sensor clock off', 'clock_drift', 1, '{"limit_s": 300, "for_s": 600}');

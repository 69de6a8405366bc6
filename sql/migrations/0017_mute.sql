-- Signals that rain or maintenance explain, and the windows of maintenance: ingest/mute.h, docs/guides/mute.md.
SET LOCAL search_path = wardwatch, public;

-- ── Windows ─────────────────────────────────────────────────────────────────────────────────
-- Rows are never changed or deleted: what was announced, by whom, and when, is an act that the ledger keeps. One that is
-- over sooner gets a row in maintenance_end.

CREATE TABLE maintenance_window (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thing_id     bigint REFERENCES thing ON DELETE CASCADE,
    property_id  integer REFERENCES observed_property, -- one sensor of the thing; NULL: all of it
    site_id      bigint REFERENCES site ON DELETE CASCADE,
    ward_id      integer REFERENCES ward ON DELETE CASCADE,
    from_at      timestamptz NOT NULL,
    to_at        timestamptz NOT NULL,
    author       text NOT NULL CHECK (author <> ''),
    reason       text NOT NULL CHECK (reason <> ''),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT maintenance_of_one CHECK (num_nonnulls(thing_id, site_id, ward_id) = 1),
    CONSTRAINT maintenance_property CHECK (property_id IS NULL OR thing_id IS NOT NULL),
    CONSTRAINT maintenance_length CHECK (to_at > from_at AND to_at <= from_at + interval '92 days')
);
COMMENT ON TABLE maintenance_window IS 'Announced work on sensors: signals in it are muted from recorded_at on, never before';

CREATE TABLE maintenance_end (
    window_id    bigint PRIMARY KEY REFERENCES maintenance_window ON DELETE CASCADE,
    ended_at     timestamptz NOT NULL DEFAULT now(),
    author       text NOT NULL CHECK (author <> '')
);

ALTER TABLE ledger
    DROP CONSTRAINT ledger_kind_check,
    ADD CONSTRAINT ledger_kind_check CHECK (kind IN ('raw_message', 'alert_event', 'maintenance', 'maintenance_end'));

CREATE FUNCTION maintenance_leaf() RETURNS trigger LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
BEGIN
    IF TG_TABLE_NAME = 'maintenance_window' THEN
        INSERT INTO ledger (kind, ref, leaf)
        VALUES ('maintenance', NEW.id,
                sha256('\x00'::bytea || convert_to(concat_ws('|', 'maintenance', NEW.id, NEW.thing_id, NEW.property_id, NEW.site_id,
                                                             NEW.ward_id, extract(epoch FROM NEW.from_at), extract(epoch FROM NEW.to_at),
                                                             NEW.author, NEW.reason), 'UTF8')));
    ELSE
        INSERT INTO ledger (kind, ref, leaf)
        VALUES ('maintenance_end', NEW.window_id,
                sha256('\x00'::bytea || convert_to(concat_ws('|', 'maintenance_end', NEW.window_id, extract(epoch FROM NEW.ended_at),
                                                             NEW.author), 'UTF8')));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER maintenance_window_leaf AFTER INSERT ON maintenance_window FOR EACH ROW EXECUTE FUNCTION maintenance_leaf();
CREATE TRIGGER maintenance_end_leaf AFTER INSERT ON maintenance_end FOR EACH ROW EXECUTE FUNCTION maintenance_leaf();
CREATE TRIGGER maintenance_window_notify AFTER INSERT OR UPDATE OR DELETE ON maintenance_window
    FOR EACH STATEMENT EXECUTE FUNCTION notify_catalog();
CREATE TRIGGER maintenance_end_notify AFTER INSERT OR UPDATE OR DELETE ON maintenance_end
    FOR EACH STATEMENT EXECUTE FUNCTION notify_catalog();

-- ── Muted signals ───────────────────────────────────────────────────────────────────────────

CREATE TABLE muted_signal (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id       integer NOT NULL REFERENCES rule,
    rule_version  integer NOT NULL,
    subject_kind  text NOT NULL CHECK (subject_kind IN ('datastream', 'ward')),
    subject_id    bigint NOT NULL,
    ward_id       integer REFERENCES ward ON DELETE CASCADE,
    reason        text NOT NULL CHECK (reason IN ('rain', 'maintenance')),
    window_id     bigint REFERENCES maintenance_window ON DELETE CASCADE,
    gauge_id      bigint REFERENCES datastream ON DELETE CASCADE,
    at            timestamptz NOT NULL,  -- phenomenon time of the reading that would have raised an alert
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    raised        boolean,               -- how it ended: its alert was raised when the reason was over; false: over before
    n_readings    bigint NOT NULL,       -- that were as odd, while it was muted
    peak_value    double precision,
    explanation   jsonb NOT NULL
);
CREATE UNIQUE INDEX muted_signal_one ON muted_signal (rule_id, subject_kind, subject_id) WHERE ended_at IS NULL;
CREATE INDEX muted_signal_window ON muted_signal (window_id) WHERE window_id IS NOT NULL;
CREATE INDEX muted_signal_ward ON muted_signal (ward_id, id);
COMMENT ON TABLE muted_signal IS 'What would have been an alert, had rain or maintenance not explained it';

-- Where a window is: of a thing or site that has no ward, in none.
CREATE FUNCTION maintenance_ward(w maintenance_window) RETURNS integer LANGUAGE sql STABLE SET search_path = wardwatch, public AS $$
    SELECT coalesce(w.ward_id, (SELECT s.ward_id FROM site s WHERE s.id = w.site_id), (SELECT t.ward_id FROM thing t WHERE t.id = w.thing_id))
$$;
-- As people read it. muted: signals that it kept back; raised: of these, went on after it and became alerts.
CREATE FUNCTION maintenance_json(w maintenance_window) RETURNS jsonb LANGUAGE sql STABLE SET search_path = wardwatch, public AS $$
    SELECT jsonb_build_object(
        'id', w.id,
        'thing', (SELECT jsonb_build_object('id', t.id, 'feed', f.name, 'key', t.key, 'name_zh', t.name_zh, 'name_en', t.name_en)
                  FROM thing t JOIN feed f ON f.id = t.feed_id WHERE t.id = w.thing_id),
        'property', (SELECT p.code FROM observed_property p WHERE p.id = w.property_id),
        'site', (SELECT s.code FROM site s WHERE s.id = w.site_id),
        'ward', (SELECT x.code FROM ward x WHERE x.id = maintenance_ward(w)),
        'from', w.from_at, 'to', w.to_at, 'counts_from', greatest(w.from_at, w.recorded_at), 'author', w.author, 'reason', w.reason,
        'recorded_at', w.recorded_at, 'ended_at', e.ended_at, 'ended_by', e.author,
        'state', CASE WHEN least(w.to_at, e.ended_at) <= now() THEN 'over' WHEN w.from_at > now() THEN 'planned' ELSE 'open' END,
        'muted', m.n, 'raised', m.n_raised)
    FROM (SELECT count(*) AS n, count(*) FILTER (WHERE raised) AS n_raised FROM muted_signal WHERE window_id = w.id) m
    LEFT JOIN maintenance_end e ON e.window_id = w.id
$$;

-- Moves of alerts and of muted signals, in one call.
--   mute {muted {reason, until, window | gauge}, explanation}; unmute {raised}. In their order, so that a signal may be muted
--   again after it has ended.
CREATE FUNCTION signal_apply(actions jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
DECLARE
    a        jsonb;
    others   jsonb;
    n_mutes  integer := 0;
BEGIN
    FOR a IN SELECT x FROM jsonb_array_elements(actions) AS x WHERE x->>'op' IN ('mute', 'unmute') LOOP
        n_mutes := n_mutes + 1;
        IF a->>'op' = 'mute' THEN
            INSERT INTO muted_signal (rule_id, rule_version, subject_kind, subject_id, ward_id, reason, window_id, gauge_id, at,
                                      n_readings, peak_value, explanation)
            VALUES ((a->>'rule')::int, (a->>'version')::int, coalesce(a->>'kind', 'datastream'),
                    coalesce(a->>'subject', a->>'datastream')::bigint, (a->>'ward')::int, a->'muted'->>'reason',
                    (a->'muted'->>'window')::bigint, (a->'muted'->>'gauge')::bigint, (a->>'at')::timestamptz,
                    coalesce((a->>'count')::bigint, 1), (a->>'peak')::float8,
                    a->'explanation' || jsonb_build_object('muted', a->'muted'))
            ON CONFLICT (rule_id, subject_kind, subject_id) WHERE ended_at IS NULL DO NOTHING;
        ELSE
            UPDATE muted_signal
            SET ended_at = (a->>'at')::timestamptz, raised = (a->>'raised')::boolean,
                n_readings = coalesce((a->>'count')::bigint, n_readings), peak_value = coalesce((a->>'peak')::float8, peak_value)
            WHERE rule_id = (a->>'rule')::int AND subject_kind = coalesce(a->>'kind', 'datastream')
              AND subject_id = coalesce(a->>'subject', a->>'datastream')::bigint AND ended_at IS NULL;
        END IF;
    END LOOP;
    IF n_mutes = 0 THEN
        RETURN alert_apply(actions);
    END IF;
    SELECT jsonb_agg(x ORDER BY nth) INTO others
    FROM jsonb_array_elements(actions) WITH ORDINALITY AS e (x, nth)
    WHERE x->>'op' NOT IN ('mute', 'unmute');
    RETURN CASE WHEN others IS NULL THEN 0 ELSE alert_apply(others) END;
END $$;

-- ── Who sees it ─────────────────────────────────────────────────────────────────────────────
-- As 0015_visibility.sql has it: rows of one's wards.

ALTER TABLE muted_signal ENABLE ROW LEVEL SECURITY;
ALTER TABLE maintenance_window ENABLE ROW LEVEL SECURITY;
ALTER TABLE maintenance_end ENABLE ROW LEVEL SECURITY;
CREATE POLICY reader_sees ON muted_signal FOR SELECT
    USING ((SELECT reader_sees_all()) OR ward_id = ANY ((SELECT reader_wards())::integer[]));
CREATE POLICY reader_sees ON maintenance_window FOR SELECT
    USING ((SELECT reader_sees_all()) OR maintenance_ward(maintenance_window) = ANY ((SELECT reader_wards())::integer[]));
CREATE POLICY reader_sees ON maintenance_end FOR SELECT
    USING ((SELECT reader_sees_all()) OR EXISTS (SELECT FROM maintenance_window w WHERE w.id = window_id));
GRANT SELECT ON muted_signal, maintenance_window, maintenance_end TO wardwatch_reader;

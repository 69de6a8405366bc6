-- Silences: alerts that nobody is told of, because somebody said so. docs/guides/alerts.md
--
-- A silenced alert is stored and judged as ever, and shown as silenced. A signal that rain or maintenance explains is another matter: it
-- becomes no alert at all (0017_mute.sql). A snooze (0018_alert_work.sql) is the silence of one alert.
SET LOCAL search_path = wardwatch, public;

-- Rows are never changed or deleted; one that is over sooner gets a row in silence_end. All that is given must fit an alert.
CREATE TABLE silence (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ward_ids     integer[],  -- of what was named, else those of the author; NULL: all, and what lies outside of all
    rule_id      integer REFERENCES rule,
    site_id      bigint REFERENCES site,
    thing_id     bigint REFERENCES thing,
    property_id  integer REFERENCES observed_property,
    geom         geometry(MultiPolygon, 4490),
    severity     smallint NOT NULL CHECK (severity BETWEEN 1 AND 4), -- the greatest that it hides
    until        timestamptz NOT NULL, -- infinity: until nothing that it hides is open any more
    author       text NOT NULL CHECK (author <> ''),
    reason       text NOT NULL CHECK (reason <> ''),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT silence_length CHECK (NOT isfinite(until) OR until > recorded_at AND until <= recorded_at + interval '92 days')
);
CREATE TABLE silence_end (
    silence_id  bigint PRIMARY KEY REFERENCES silence,
    ended_at    timestamptz NOT NULL DEFAULT now(),
    author      text NOT NULL CHECK (author <> '')
);
-- What a silence hid: alerts that were open when it began, or opened while it lasted.
CREATE TABLE alert_silenced (
    alert_id    bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
    silence_id  bigint NOT NULL REFERENCES silence,
    since       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (alert_id, silence_id)
);
CREATE INDEX alert_silenced_silence ON alert_silenced (silence_id);
CREATE TRIGGER silence_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON silence FOR EACH STATEMENT EXECUTE FUNCTION keep_history();
CREATE TRIGGER silence_end_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON silence_end FOR EACH STATEMENT EXECUTE FUNCTION keep_history();

ALTER TABLE alert_event
    DROP CONSTRAINT alert_event_kind_check,
    ADD CONSTRAINT alert_event_kind_check CHECK (kind IN (
        'opened', 'joined', 'raised', 'cleared', 'acknowledged', 'unacknowledged', 'assigned', 'unassigned', 'commented', 'snoozed',
        'unsnoozed', 'escalated', 'resolved', 'reopened', 'silenced', 'unsilenced'));
ALTER TABLE ledger
    DROP CONSTRAINT ledger_kind_check,
    ADD CONSTRAINT ledger_kind_check CHECK (kind IN ('raw_message', 'alert_event', 'maintenance', 'maintenance_end', 'silence', 'silence_end'));

-- ── What holds ──────────────────────────────────────────────────────────────────────────────

CREATE FUNCTION silence_holds(s silence) RETURNS boolean LANGUAGE sql STABLE SET search_path = wardwatch, public AS $$
    SELECT s.until > now() AND NOT EXISTS (SELECT FROM silence_end e WHERE e.silence_id = s.id)
           AND (isfinite(s.until) OR EXISTS (SELECT FROM alert_silenced x JOIN alert a ON a.id = x.alert_id
                                             WHERE x.silence_id = s.id AND a.state = 'open'))
$$;

-- An alert lies where its thing or site does; one about a ward only, in all of the ward; one about a feed nowhere.
CREATE FUNCTION silence_fits(s silence, a alert) RETURNS boolean LANGUAGE sql STABLE SET search_path = wardwatch, public AS $$
    SELECT a.severity <= s.severity
       AND (s.ward_ids IS NULL OR coalesce(a.ward_id = ANY (s.ward_ids), false))
       AND (s.rule_id IS NULL OR s.rule_id = a.rule_id)
       AND (s.thing_id IS NULL OR coalesce(s.thing_id = t.id, false))
       AND (s.property_id IS NULL OR s.property_id = coalesce(d.property_id, a.property_id))
       AND (s.site_id IS NULL OR coalesce(s.site_id = x.id, false))
       AND (s.geom IS NULL OR coalesce(ST_Covers(s.geom, coalesce(t.geom, x.geom, w.geom)), false))
    FROM (SELECT) one
    LEFT JOIN datastream d ON a.subject_kind = 'datastream' AND d.id = a.subject_id
    LEFT JOIN thing t ON t.id = CASE a.subject_kind WHEN 'thing' THEN a.subject_id ELSE d.thing_id END
    LEFT JOIN site x ON x.id = CASE a.subject_kind WHEN 'site' THEN a.subject_id ELSE t.site_id END
    LEFT JOIN ward w ON w.id = a.ward_id
$$;

-- Why nobody is told of an alert now: 'silence', 'snooze', or '' (people are told).
CREATE FUNCTION alert_quiet(a alert) RETURNS text LANGUAGE sql STABLE SET search_path = wardwatch, public AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM alert_silenced x JOIN silence s ON s.id = x.silence_id
                             WHERE x.alert_id = a.id AND a.severity <= s.severity AND silence_holds(s)) THEN 'silence'
                WHEN EXISTS (SELECT FROM alert_work k
                             WHERE k.alert_id = a.id AND k.snoozed_until > now() AND a.severity <= k.snoozed_severity) THEN 'snooze'
                ELSE '' END
$$;

-- ── Telling nobody ──────────────────────────────────────────────────────────────────────────
-- Messages of alerts that are quiet are kept back, and not lost: an alert that is still open when the quiet ends is told of then
-- (outbox_due). Who was told that it opened is told that it cleared.

ALTER TABLE outbox ADD COLUMN held text NOT NULL DEFAULT '' CHECK (held IN ('', 'silence', 'snooze'));
COMMENT ON COLUMN outbox.held IS 'Why it was not told when it was written; outbox_due says what is to be told now';

CREATE FUNCTION outbox_hold() RETURNS trigger LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
DECLARE
    a alert;
    s silence;
BEGIN
    IF NEW.payload->>'op' NOT IN ('open', 'raise', 'clear') THEN
        RETURN NEW; -- said by one person to another
    END IF;
    SELECT * INTO a FROM alert WHERE id = (NEW.payload->>'alert')::bigint;
    IF NEW.payload->>'op' = 'clear' THEN
        SELECT o.held INTO NEW.held
        FROM outbox o JOIN alert_event e ON e.id = o.alert_event_id
        WHERE e.alert_id = a.id AND o.topic = NEW.topic AND o.payload->>'op' IN ('open', 'raise')
        ORDER BY o.held, o.id LIMIT 1;
        NEW.held := coalesce(NEW.held, '');
        RETURN NEW;
    END IF;
    FOR s IN SELECT x.* FROM silence x
             WHERE x.until > now() AND (x.rule_id IS NULL OR x.rule_id = a.rule_id) AND (x.ward_ids IS NULL OR a.ward_id = ANY (x.ward_ids))
               AND silence_holds(x) AND silence_fits(x, a) -- what is cheap to ask comes first
             ORDER BY x.id LOOP
        INSERT INTO alert_silenced (alert_id, silence_id) VALUES (a.id, s.id) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            PERFORM alert_event_add(a, 'silenced', s.author, s.reason, jsonb_build_object('silence', s.id));
        END IF;
    END LOOP;
    NEW.held := alert_quiet(a);
    RETURN NEW;
END $$;
CREATE TRIGGER outbox_hold BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION outbox_hold();

-- What is to be told now: what was never held, and of each alert that is still open when its quiet is over, the newest that was held.
CREATE VIEW outbox_due WITH (security_invoker = true) AS
    SELECT o.*
    FROM outbox o
    WHERE o.delivered_at IS NULL
      AND (o.held = '' OR o.payload->>'op' IN ('open', 'raise') AND EXISTS (
              SELECT FROM alert_event e JOIN alert a ON a.id = e.alert_id
              WHERE e.id = o.alert_event_id AND a.state = 'open' AND alert_quiet(a) = ''
                AND NOT EXISTS (SELECT FROM outbox n JOIN alert_event m ON m.id = n.alert_event_id
                                WHERE m.alert_id = a.id AND n.id > o.id AND n.payload->>'op' IN ('open', 'raise'))));

-- ── Acts ────────────────────────────────────────────────────────────────────────────────────

CREATE FUNCTION silence_leaf(the_kind text, ref bigint, what text) RETURNS void LANGUAGE sql SET search_path = wardwatch, public AS $$
    INSERT INTO ledger (kind, ref, leaf) VALUES (the_kind, ref, sha256('\x00'::bytea || convert_to(concat_ws('|', the_kind, ref, what), 'UTF8')))
$$;

-- A silence of what is named (NULL: not), by an author who sees `wards` (NULL: all). Its id, the same as before when it holds already;
-- NULL: what is named is not there, or not his; 0: it is to last until what it hides has cleared, and nothing is open.
CREATE FUNCTION silence_make(rule_code text, feed_name text, thing_key text, the_thing bigint, property_code text, site_code text, ward_code text,
                             shape geometry, the_severity bigint, the_until timestamptz, the_reason text, the_author text, wards integer[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
DECLARE
    s silence;
    a alert;
BEGIN
    s.ward_ids := wards;
    IF rule_code IS NOT NULL THEN
        SELECT r.id INTO s.rule_id FROM rule r WHERE r.code = rule_code;
        IF NOT FOUND THEN RETURN NULL; END IF;
    END IF;
    IF property_code IS NOT NULL THEN
        SELECT p.id INTO s.property_id FROM observed_property p WHERE p.code = property_code;
        IF NOT FOUND THEN RETURN NULL; END IF;
    END IF;
    IF coalesce(the_thing::text, thing_key) IS NOT NULL THEN
        SELECT t.id, ARRAY[t.ward_id] INTO s.thing_id, s.ward_ids
        FROM thing t JOIN feed f ON f.id = t.feed_id
        WHERE (t.id = the_thing OR f.name = feed_name AND t.key = thing_key) AND (wards IS NULL OR t.ward_id = ANY (wards));
        IF NOT FOUND THEN RETURN NULL; END IF;
    END IF;
    IF site_code IS NOT NULL THEN
        SELECT x.id, ARRAY[x.ward_id] INTO s.site_id, s.ward_ids
        FROM site x WHERE x.code = site_code AND (wards IS NULL OR x.ward_id = ANY (wards));
        IF NOT FOUND THEN RETURN NULL; END IF;
    END IF;
    IF ward_code IS NOT NULL THEN
        SELECT ARRAY[w.id] INTO s.ward_ids FROM ward w WHERE w.code = ward_code AND (wards IS NULL OR w.id = ANY (wards));
        IF NOT FOUND THEN RETURN NULL; END IF;
    END IF;
    s.ward_ids := nullif(s.ward_ids, ARRAY[NULL]::integer[]); -- a thing outside of all wards: its author sees all
    PERFORM pg_advisory_xact_lock(hashtext('wardwatch.alert_event'));
    SELECT x.id INTO s.id
    FROM silence x
    WHERE x.ward_ids IS NOT DISTINCT FROM s.ward_ids AND x.rule_id IS NOT DISTINCT FROM s.rule_id AND x.site_id IS NOT DISTINCT FROM s.site_id
      AND x.thing_id IS NOT DISTINCT FROM s.thing_id AND x.property_id IS NOT DISTINCT FROM s.property_id
      AND x.geom::bytea IS NOT DISTINCT FROM shape::bytea AND x.severity = the_severity AND x.until = the_until AND x.author = the_author
      AND x.reason = the_reason AND silence_holds(x);
    IF FOUND THEN
        RETURN s.id;
    END IF;
    INSERT INTO silence (ward_ids, rule_id, site_id, thing_id, property_id, geom, severity, until, author, reason)
    VALUES (s.ward_ids, s.rule_id, s.site_id, s.thing_id, s.property_id, shape, the_severity, the_until, the_author, the_reason)
    RETURNING * INTO s;
    FOR a IN SELECT x.* FROM alert x
             WHERE x.state = 'open' AND (s.ward_ids IS NULL OR x.ward_id = ANY (s.ward_ids)) AND silence_fits(s, x) ORDER BY x.id LOOP
        INSERT INTO alert_silenced (alert_id, silence_id) VALUES (a.id, s.id);
        PERFORM alert_event_add(a, 'silenced', s.author, s.reason, jsonb_build_object('silence', s.id));
    END LOOP;
    IF NOT isfinite(the_until) AND NOT silence_holds(s) THEN
        RAISE EXCEPTION SQLSTATE 'WW001';
    END IF;
    PERFORM silence_leaf('silence', s.id, to_jsonb(s)::text);
    RETURN s.id;
EXCEPTION WHEN SQLSTATE 'WW001' THEN
    RETURN 0; -- as if nothing had been written
END $$;

CREATE FUNCTION silence_over(the_silence bigint, the_author text) RETURNS void LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
DECLARE
    a alert;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('wardwatch.alert_event'));
    INSERT INTO silence_end (silence_id, author) VALUES (the_silence, the_author) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR a IN SELECT x.* FROM alert_silenced z JOIN alert x ON x.id = z.alert_id WHERE z.silence_id = the_silence AND x.state = 'open' ORDER BY x.id LOOP
        PERFORM alert_event_add(a, 'unsilenced', the_author, '', jsonb_build_object('silence', the_silence));
    END LOOP;
    PERFORM silence_leaf('silence_end', the_silence, the_author);
END $$;

-- As people read it. hid: alerts, of those that the reader sees; open: of these, still open.
CREATE FUNCTION silence_json(s silence) RETURNS jsonb LANGUAGE sql STABLE SET search_path = wardwatch, public AS $$
    SELECT jsonb_build_object(
        'id', s.id, 'rule', (SELECT r.code FROM rule r WHERE r.id = s.rule_id),
        'thing', (SELECT jsonb_build_object('id', t.id, 'feed', f.name, 'key', t.key, 'name_zh', t.name_zh, 'name_en', t.name_en)
                  FROM thing t JOIN feed f ON f.id = t.feed_id WHERE t.id = s.thing_id),
        'property', (SELECT p.code FROM observed_property p WHERE p.id = s.property_id),
        'site', (SELECT x.code FROM site x WHERE x.id = s.site_id),
        'wards', (SELECT jsonb_agg(w.code ORDER BY w.code) FROM ward w WHERE w.id = ANY (s.ward_ids)),
        'polygon', ST_AsGeoJSON(s.geom, 7, 0)::jsonb, 'severity', s.severity,
        'until', CASE WHEN isfinite(s.until) THEN to_jsonb(s.until) ELSE '"cleared"' END,
        'author', s.author, 'reason', s.reason, 'recorded_at', s.recorded_at, 'ended_at', e.ended_at, 'ended_by', e.author,
        'state', CASE WHEN silence_holds(s) THEN 'open' ELSE 'over' END, 'hid', n.hid, 'open', n.open)
    FROM (SELECT count(*) AS hid, count(*) FILTER (WHERE a.state = 'open') AS open
          FROM alert_silenced x JOIN alert a ON a.id = x.alert_id WHERE x.silence_id = s.id) n
    LEFT JOIN silence_end e ON e.silence_id = s.id
$$;

-- ── Who sees it ─────────────────────────────────────────────────────────────────────────────
-- With an account, those that hide something in one's wards.

ALTER TABLE silence ENABLE ROW LEVEL SECURITY;
ALTER TABLE silence_end ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_silenced ENABLE ROW LEVEL SECURITY;
CREATE POLICY reader_sees ON silence FOR SELECT
    USING ((SELECT reader_is_known()) AND ((SELECT reader_sees_all()) OR ward_ids && (SELECT reader_wards())::integer[]
                                           OR EXISTS (SELECT FROM alert_silenced x JOIN alert a ON a.id = x.alert_id WHERE x.silence_id = silence.id)));
CREATE POLICY reader_sees ON silence_end FOR SELECT
    USING ((SELECT reader_is_known()) AND ((SELECT reader_sees_all()) OR EXISTS (SELECT FROM silence s WHERE s.id = silence_id)));
CREATE POLICY reader_sees ON alert_silenced FOR SELECT USING ((SELECT reader_sees_all()) OR EXISTS (SELECT FROM alert a WHERE a.id = alert_id));
GRANT SELECT ON silence, silence_end, alert_silenced TO wardwatch_reader;

-- The data model (docs/ARCHITECTURE.md draws it). Names follow OGC SensorThings where it has one.
-- Keys begin with the datastream or the ward, so that tables can be sharded by either.
-- Geometry is EPSG:4490; the coordinate as received and its datum stand beside it.

CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public;
CREATE SCHEMA IF NOT EXISTS wardwatch;
SET LOCAL search_path = wardwatch, public;

-- ── The district ────────────────────────────────────────────────────────────────────────────

CREATE TABLE setting (
    key   text PRIMARY KEY,
    value jsonb NOT NULL
);
COMMENT ON TABLE setting IS 'District-wide facts: district (name_zh, name_en, time_zone, synthetic, attribution)';

CREATE TABLE ward (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code          text NOT NULL UNIQUE CHECK (code <> ''),
    name_zh       text NOT NULL DEFAULT '',
    name_en       text NOT NULL DEFAULT '',
    geom          geometry(MultiPolygon, 4490),
    seat          geometry(Point, 4490),
    source_datum  text NOT NULL DEFAULT 'CGCS2000',
    synthetic     boolean NOT NULL DEFAULT false,
    repaired      text NOT NULL DEFAULT '',
    properties    jsonb NOT NULL DEFAULT '{}',
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ward_geom ON ward USING gist (geom);
COMMENT ON COLUMN ward.repaired IS 'Why the polygon was invalid as received; empty when it was valid';

CREATE TABLE site (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code          text NOT NULL UNIQUE CHECK (code <> ''),
    name_zh       text NOT NULL DEFAULT '',
    name_en       text NOT NULL DEFAULT '',
    kind          text NOT NULL,           -- hospital, clinic, plant, wwtp, outfall, …
    limit_class   text NOT NULL DEFAULT '',-- which column of its standard applies, as in limit_value.class
    uscc          text,                    -- 统一社会信用代码
    ward_id       integer REFERENCES ward,
    geom          geometry(Point, 4490),
    raw_x         double precision,
    raw_y         double precision,
    source_datum  text NOT NULL DEFAULT 'CGCS2000',
    properties    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX site_geom ON site USING gist (geom);
CREATE INDEX site_ward ON site (ward_id);

CREATE TABLE waterway (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code          text NOT NULL UNIQUE,
    name_zh       text NOT NULL DEFAULT '',
    name_en       text NOT NULL DEFAULT '',
    downstream    text REFERENCES waterway (code) DEFERRABLE INITIALLY DEFERRED, -- the reach it flows into
    geom          geometry(LineString, 4490) NOT NULL,                           -- drawn in flow direction
    length_m      double precision NOT NULL,
    synthetic     boolean NOT NULL DEFAULT false,
    properties    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX waterway_geom ON waterway USING gist (geom);

-- ── Who may do what ─────────────────────────────────────────────────────────────────────────

CREATE TABLE account (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (name <> ''),
    role        text NOT NULL CHECK (role IN ('feed','viewer','coordinator','prosecutor','analyst','admin')),
    all_wards   boolean NOT NULL DEFAULT false,
    feed_names  text[],                    -- role feed: which feeds it may write; NULL = all
    disabled    boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE membership (
    account_id  integer NOT NULL REFERENCES account ON DELETE CASCADE,
    ward_id     integer NOT NULL REFERENCES ward ON DELETE CASCADE,
    PRIMARY KEY (account_id, ward_id)
);

CREATE TABLE token (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  integer NOT NULL REFERENCES account ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('bearer','session')),
    hash        bytea NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of 256 random bits
    label       text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    revoked_at  timestamptz
);

-- ── Ways in ─────────────────────────────────────────────────────────────────────────────────

CREATE TABLE feed (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    title       text NOT NULL DEFAULT '',
    config      jsonb NOT NULL,
    enabled     boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE SEQUENCE raw_message_id AS bigint INCREMENT BY 1000; -- servers take blocks of 1,000 ids

CREATE TABLE raw_message (
    id            bigint PRIMARY KEY,
    feed_id       integer NOT NULL REFERENCES feed,
    received_at   timestamptz NOT NULL,
    peer          text NOT NULL,
    account_id    integer,
    content_type  text NOT NULL DEFAULT '',
    sha256        bytea NOT NULL,          -- of the decoded body
    n_bytes       bigint NOT NULL,
    received      bigint NOT NULL,         -- = stored + duplicates + dead
    stored        bigint NOT NULL,
    corrections   bigint NOT NULL,         -- of stored: new versions of values known before
    duplicates    bigint NOT NULL,
    dead          bigint NOT NULL,
    body_zstd     bytea,                   -- the bytes as received, NULL where the feed does not keep them
    CHECK (received = stored + duplicates + dead)
);
ALTER TABLE raw_message ALTER body_zstd SET STORAGE EXTERNAL;
CREATE INDEX raw_message_feed ON raw_message (feed_id, received_at);

CREATE TABLE dead_letter (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed_id         integer NOT NULL REFERENCES feed,
    raw_message_id  bigint NOT NULL,
    line            bigint NOT NULL,
    col             bigint NOT NULL,
    field           text NOT NULL,
    reason          text NOT NULL,
    raw             bytea NOT NULL,        -- the row's bytes as received
    header          bytea NOT NULL DEFAULT '', -- CSV: the header line that the row needs to be read again
    content_type    text NOT NULL DEFAULT '',
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    state           text NOT NULL DEFAULT 'kept' CHECK (state IN ('kept','resubmitted','discarded')),
    resolved_at     timestamptz,
    resolved_by     text
);
CREATE INDEX dead_letter_feed ON dead_letter (feed_id, id);

-- ── What is observed ────────────────────────────────────────────────────────────────────────

CREATE TABLE observed_property (
    id                integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code              text NOT NULL UNIQUE CHECK (code <> ''),
    name_zh           text NOT NULL,
    name_en           text NOT NULL,
    unit              text NOT NULL,       -- every value is kept in this unit (a code of geo/unit.c)
    molar_mass_g_mol  double precision,    -- gases: to convert ppm and ppb
    definition        text NOT NULL DEFAULT ''
);

CREATE TABLE thing (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed_id       integer NOT NULL REFERENCES feed,
    key           text NOT NULL CHECK (key <> ''), -- the sender's own name for it
    name_zh       text NOT NULL DEFAULT '',
    name_en       text NOT NULL DEFAULT '',
    class         text NOT NULL DEFAULT '', -- site class that rules are scoped by: hospital, air_station, …
    limit_class   text NOT NULL DEFAULT '', -- which column of the standard applies, as in limit_value.class
    site_id       bigint REFERENCES site,
    ward_id       integer REFERENCES ward,
    geom          geometry(Point, 4490),
    raw_x         double precision,
    raw_y         double precision,
    source_datum  text NOT NULL DEFAULT 'CGCS2000',
    registered    text NOT NULL DEFAULT 'loaded' CHECK (registered IN ('loaded','self')),
    properties    jsonb NOT NULL DEFAULT '{}',
    UNIQUE (feed_id, key)
);
CREATE INDEX thing_geom ON thing USING gist (geom);
CREATE INDEX thing_ward ON thing (ward_id);

CREATE TABLE sensor (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thing_id    bigint NOT NULL REFERENCES thing,
    name        text NOT NULL,
    model       text NOT NULL DEFAULT '',
    serial      text NOT NULL DEFAULT '',
    properties  jsonb NOT NULL DEFAULT '{}',
    UNIQUE (thing_id, name)
);

CREATE TABLE datastream (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thing_id         bigint NOT NULL REFERENCES thing,
    property_id      integer NOT NULL REFERENCES observed_property,
    sensor_id        bigint REFERENCES sensor,
    expected_step_s  integer,              -- how often a value should come; NULL = unknown
    UNIQUE (thing_id, property_id)
);

CREATE SEQUENCE feature_of_interest_id AS bigint INCREMENT BY 1000; -- servers take blocks of 1,000 ids

-- Where a reading was taken, when that is not where its thing stands: a complaint, a vehicle.
CREATE TABLE feature_of_interest (
    id            bigint PRIMARY KEY,
    ward_id       integer,
    geom          geometry(Point, 4490) NOT NULL,
    raw_x         double precision NOT NULL,
    raw_y         double precision NOT NULL,
    source_datum  text NOT NULL
);
CREATE INDEX feature_of_interest_geom ON feature_of_interest USING gist (geom);

-- One value. Never updated: a correction is a row with the next version.
CREATE TABLE observation (
    datastream_id    bigint NOT NULL,
    phenomenon_time  timestamptz NOT NULL, -- the moment, or the start of the interval
    raw_message_id   bigint NOT NULL,
    foi_id           bigint,               -- NULL = where the thing stands
    value            double precision NOT NULL,
    interval_s       integer NOT NULL,     -- 0 = a moment
    ward_id          integer,              -- where it was measured, at that time
    version          smallint NOT NULL,    -- 1, 2, …: the newest is the valid one
    flag             "char" NOT NULL,      -- quality: N normal, F stopped, M maintenance, C calibration, D fault, …
    detail           jsonb,                -- kept texts of a report
    PRIMARY KEY (datastream_id, phenomenon_time, interval_s, version)
) PARTITION BY RANGE (phenomenon_time);
COMMENT ON TABLE observation IS 'All versions; observation_current has the newest of each';

-- Partitions, made ahead and on demand; safe to call from several servers at once. A month each from 2020 on, a
-- year each from 1990, one for all before: however old the dates in a message are, it can't make many of them.
CREATE FUNCTION ensure_partition(at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day   date := (at AT TIME ZONE 'UTC')::date;
    unit  text := CASE WHEN day < '2020-01-01' THEN 'year' ELSE 'month' END;
    first date := date_trunc(unit, day);
    last  date := first + ('1 ' || unit)::interval;
    name  text := 'observation_' || to_char(first, CASE unit WHEN 'year' THEN 'YYYY' ELSE 'YYYY_MM' END);
    range text := format('FROM (%L) TO (%L)', first || ' 00:00:00+00', last || ' 00:00:00+00');
BEGIN
    IF day < '1990-01-01' THEN
        name := 'observation_before_1990';
        range := 'FROM (MINVALUE) TO (''1990-01-01 00:00:00+00'')';
    END IF;
    IF to_regclass('wardwatch.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('wardwatch.ensure_partition'));
    IF to_regclass('wardwatch.' || name) IS NULL THEN
        EXECUTE format('CREATE TABLE wardwatch.%I PARTITION OF wardwatch.observation FOR VALUES ', name) || range;
    END IF;
END $$;
SELECT ensure_partition(now() + make_interval(months => m)) FROM generate_series(-1, 3) AS m;

CREATE VIEW observation_current AS
    SELECT o.*
    FROM observation o
    WHERE NOT EXISTS (SELECT FROM observation n
                      WHERE n.datastream_id = o.datastream_id AND n.phenomenon_time = o.phenomenon_time
                        AND n.interval_s = o.interval_s AND n.version > o.version);

-- ── Judgement ───────────────────────────────────────────────────────────────────────────────

CREATE TABLE limit_value (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    property_id   integer NOT NULL REFERENCES observed_property,
    standard_no   text NOT NULL,           -- 'GB 18466-2005'
    edition       text NOT NULL DEFAULT '',
    class         text NOT NULL,           -- the column or grade that applies: 'medical.pretreatment', 'surface_water.III'
    phase         text NOT NULL DEFAULT '',
    averaging     text NOT NULL CHECK (averaging IN ('instant','1h','8h','24h','1month','1year')),
    lower         double precision,        -- below it exceeds
    upper         double precision,        -- above it exceeds
    unit          text NOT NULL,           -- of lower and upper; converted to the property's own on use
    hour_from     smallint NOT NULL DEFAULT 0 CHECK (hour_from BETWEEN 0 AND 23), -- local hours; equal = all day
    hour_to       smallint NOT NULL DEFAULT 0 CHECK (hour_to BETWEEN 0 AND 23),
    jurisdiction  text NOT NULL DEFAULT 'CN',
    valid_from    timestamptz NOT NULL,    -- by the time of the conduct, that is the observation's
    valid_to      timestamptz NOT NULL DEFAULT 'infinity',
    status        text NOT NULL CHECK (status IN ('verified','check')),
    source        text NOT NULL,
    note          text NOT NULL DEFAULT '',
    CHECK (lower IS NOT NULL OR upper IS NOT NULL),
    CHECK (valid_from < valid_to),
    -- never two limits for one thing at one time
    EXCLUDE USING gist (property_id WITH =, standard_no WITH =, class WITH =, averaging WITH =, hour_from WITH =,
                        jurisdiction WITH =, tstzrange(valid_from, valid_to) WITH &&)
);

CREATE TABLE rule (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code        text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    version     integer NOT NULL DEFAULT 1,
    name_zh     text NOT NULL,
    name_en     text NOT NULL,
    detector    text NOT NULL CHECK (detector IN ('limit')),
    severity    smallint NOT NULL CHECK (severity BETWEEN 1 AND 4), -- 1 notice 2 warning 3 serious 4 critical
    enabled     boolean NOT NULL DEFAULT true,
    config      jsonb NOT NULL,            -- see docs/API.md, "rules"
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE alert (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id            integer NOT NULL REFERENCES rule,
    rule_version       integer NOT NULL,
    subject_kind       text NOT NULL CHECK (subject_kind IN ('datastream','site','ward')),
    subject_id         bigint NOT NULL,
    ward_id            integer REFERENCES ward, -- the place; NULL = outside all wards
    state              text NOT NULL CHECK (state IN ('open','cleared')),
    severity           smallint NOT NULL,
    opened_at          timestamptz NOT NULL, -- phenomenon time of the reading that fired it
    detected_at        timestamptz NOT NULL DEFAULT now(), -- when the server committed it
    last_exceeded_at   timestamptz NOT NULL,
    cleared_at         timestamptz,
    exceed_count       bigint NOT NULL,      -- judged readings beyond the limit, with those in the window that fired it
    last_value         double precision NOT NULL,
    peak_value         double precision NOT NULL,
    peak_at            timestamptz NOT NULL,
    limit_value_id     bigint NOT NULL REFERENCES limit_value,
    explanation        jsonb NOT NULL
);
-- One event, one alert: the index says so, not code.
CREATE UNIQUE INDEX alert_one_open ON alert (rule_id, subject_kind, subject_id, ward_id)
    NULLS NOT DISTINCT WHERE state = 'open';
CREATE INDEX alert_ward ON alert (ward_id, state, id);

CREATE TABLE alert_event (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in commit order: writers hold a lock
    alert_id     bigint NOT NULL REFERENCES alert,
    ward_id      integer,
    kind         text NOT NULL CHECK (kind IN ('opened','cleared')),
    at           timestamptz NOT NULL,     -- phenomenon time
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    actor        text NOT NULL DEFAULT 'wardwatch',
    detail       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX alert_event_alert ON alert_event (alert_id, id);

CREATE TABLE receiver (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL UNIQUE,
    kind     text NOT NULL,
    config   jsonb NOT NULL DEFAULT '{}',
    enabled  boolean NOT NULL DEFAULT true
);

CREATE TABLE outbox (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_event_id  bigint NOT NULL UNIQUE REFERENCES alert_event,
    topic           text NOT NULL,
    payload         jsonb NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    delivered_at    timestamptz
);
CREATE INDEX outbox_waiting ON outbox (id) WHERE delivered_at IS NULL;

-- One leaf a committed message or alert event; leaf = SHA-256(0x00 || content), RFC 6962.
CREATE TABLE ledger (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('raw_message','alert_event')),
    ref          bigint NOT NULL,
    leaf         bytea NOT NULL CHECK (length(leaf) = 32),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, ref)
);

-- ── Supervision: registers, models, leads, cases ────────────────────────────────────────────

CREATE TABLE register (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code     text NOT NULL UNIQUE,
    name_zh  text NOT NULL,
    name_en  text NOT NULL
);

CREATE TABLE register_row (
    register_id  integer NOT NULL REFERENCES register,
    key          text NOT NULL,
    valid_from   date NOT NULL,
    valid_to     date,
    site_id      bigint REFERENCES site,
    content      jsonb NOT NULL,
    PRIMARY KEY (register_id, key, valid_from)
);

CREATE TABLE supervision_model (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code     text NOT NULL,
    version  integer NOT NULL,
    name_zh  text NOT NULL,
    name_en  text NOT NULL,
    sql      text NOT NULL,
    UNIQUE (code, version)
);

CREATE TABLE model_run (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id     integer NOT NULL REFERENCES supervision_model,
    started_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz
);

CREATE TABLE finding (
    run_id   bigint NOT NULL REFERENCES model_run,
    subject  text NOT NULL,
    site_id  bigint REFERENCES site,
    ward_id  integer REFERENCES ward,
    reason   jsonb NOT NULL,
    PRIMARY KEY (run_id, subject)
);

CREATE TABLE lead (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ward_id     integer REFERENCES ward,
    alert_id    bigint REFERENCES alert,
    title       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE litigation_case (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lead_id     bigint NOT NULL REFERENCES lead,
    number      text NOT NULL UNIQUE,
    opened_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE case_deadline (
    case_id     bigint NOT NULL REFERENCES litigation_case,
    kind        text NOT NULL,
    due_at      timestamptz NOT NULL,
    done_at     timestamptz,
    PRIMARY KEY (case_id, kind, due_at)
);

-- ── Telling running servers what changed ────────────────────────────────────────────────────
-- A statement trigger, never one a row. `thing` and `datastream` are told by who writes them,
-- because servers register those themselves.

CREATE FUNCTION notify_catalog() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('ww_catalog', TG_TABLE_NAME);
    RETURN NULL;
END $$;

CREATE FUNCTION notify_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('ww_alert', '');
    RETURN NULL;
END $$;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['setting','ward','site','account','membership','token','feed',
                             'observed_property','limit_value','rule'] LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION notify_catalog()', t || '_notify', t);
    END LOOP;
END $$;
CREATE TRIGGER alert_event_notify AFTER INSERT ON alert_event
    FOR EACH STATEMENT EXECUTE FUNCTION notify_alert();

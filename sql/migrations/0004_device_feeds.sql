-- Device feeds: series of one property that differ by statistic and interval, HJ 212 stations, their commands and gaps,
-- the state of pull feeds.
SET LOCAL search_path = wardwatch, public;

-- ── Series ──────────────────────────────────────────────────────────────────────────────────
-- A monitor reports one property as moments, ten-minute, hour and day means, minima, maxima and sums, and all of
-- them may begin at the same time. Each is a datastream of its own.

ALTER TABLE datastream
    ADD COLUMN statistic  text NOT NULL DEFAULT '' CHECK (length(statistic) <= 32),
    ADD COLUMN interval_s integer NOT NULL DEFAULT 0 CHECK (interval_s >= 0),
    DROP CONSTRAINT datastream_thing_id_property_id_key,
    ADD CONSTRAINT datastream_series UNIQUE (thing_id, property_id, statistic, interval_s);
COMMENT ON COLUMN datastream.statistic IS
    'Empty: the value itself. mean, min, max, sum; day, night (noise); with .ref: converted to the reference oxygen';
COMMENT ON COLUMN datastream.interval_s IS
    'Of senders that keep series of several lengths apart; 0: each observation says its own';

-- ── HJ 212 stations ─────────────────────────────────────────────────────────────────────────

CREATE TABLE station (
    mn            text PRIMARY KEY CHECK (mn ~ '^[ -~]{1,32}$'), -- device identity, as it is sent
    feed_id       integer NOT NULL REFERENCES feed,
    enabled       boolean NOT NULL DEFAULT true,
    password      text NOT NULL DEFAULT '',      -- PW; empty: any
    sm4_key       bytea CHECK (length(sm4_key) = 16),
    sm4_previous  bytea CHECK (length(sm4_previous) = 16),
    key_since     timestamptz,
    config        jsonb NOT NULL DEFAULT '{}',   -- ingest/hj212/stations.h says what may stand here
    registered    text NOT NULL DEFAULT 'loaded' CHECK (registered IN ('loaded','self')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX station_feed ON station (feed_id, mn);
COMMENT ON TABLE station IS 'Registry of HJ 212 monitors. The thing with key = MN in the same feed is the station on the map';

-- What the host asks of a station.
--
--   queued ─▶ sent ─▶ accepted ─▶ done | no_data | failed
--               └────────▶ refused | timed_out          queued ─▶ cancelled
CREATE TABLE station_command (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mn            text NOT NULL REFERENCES station ON DELETE CASCADE,
    cn            integer NOT NULL CHECK (cn BETWEEN 1000 AND 9999),
    fields        jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(fields) = 'array'), -- [["PolId","w01018"], …] in order
    purpose       text NOT NULL DEFAULT 'asked' CHECK (purpose IN ('asked','setup','history')),
    state         text NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued','sent','accepted','done','no_data','refused','failed','timed_out','cancelled')),
    requested_by  text NOT NULL DEFAULT 'wardwatch',
    created_at    timestamptz NOT NULL DEFAULT now(),
    not_before    timestamptz NOT NULL DEFAULT now(),
    sent_at       timestamptz,
    qn            text NOT NULL DEFAULT '',       -- of the request; its answers carry it
    tries         integer NOT NULL DEFAULT 0,
    qn_rtn        integer,
    exe_rtn       integer,
    answers       jsonb NOT NULL DEFAULT '[]',    -- [{at, cn, data}] frames that carried the QN, in order
    reason        text NOT NULL DEFAULT '',       -- of refused, failed, timed_out, in words
    finished_at   timestamptz
);
CREATE INDEX station_command_waiting ON station_command (mn, purpose, id) WHERE state = 'queued';
CREATE INDEX station_command_running ON station_command (mn) WHERE state IN ('sent','accepted');
CREATE INDEX station_command_mn ON station_command (mn, id);
-- Whatever several servers do at once: one request for history at a time.
CREATE UNIQUE INDEX station_command_one_history ON station_command (mn)
    WHERE purpose = 'history' AND state IN ('queued','sent','accepted');

-- Intervals that should be there and are not. Found from what is stored; asked for with history commands.
CREATE TABLE station_gap (
    mn          text NOT NULL REFERENCES station ON DELETE CASCADE,
    cn          integer NOT NULL CHECK (cn IN (2051,2061,2031,2041)),
    begin_at    timestamptz NOT NULL,             -- first missing interval's start
    end_at      timestamptz NOT NULL,             -- last missing interval's start
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open','asked','filled','no_data','given_up')),
    tries       integer NOT NULL DEFAULT 0,
    not_before  timestamptz NOT NULL DEFAULT now(),
    command_id  bigint REFERENCES station_command ON DELETE SET NULL,
    found_at    timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (mn, cn, begin_at),
    CHECK (begin_at <= end_at)
);
CREATE INDEX station_gap_open ON station_gap (mn, cn, begin_at) WHERE state IN ('open','asked');

-- What happened to a station, for people: connected, disconnected, restarted (2081), incomplete set of sub-packets, a change of
-- habit (a deviation seen for the first time), wrong password, clock set, key rotated. Append-only.
CREATE TABLE station_event (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mn           text NOT NULL,
    kind         text NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    detail       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX station_event_mn ON station_event (mn, id);

-- ── Pull feeds ──────────────────────────────────────────────────────────────────────────────

CREATE TABLE pull_state (
    feed_id        integer PRIMARY KEY REFERENCES feed ON DELETE CASCADE,
    source         text NOT NULL DEFAULT '',      -- what the rest belongs to: a hash of address and paging
    etag           text NOT NULL DEFAULT '',
    last_modified  text NOT NULL DEFAULT '',
    cursor         text NOT NULL DEFAULT '',      -- what the paging needs to go on: a cursor, a page, a time
    updated_at     timestamptz NOT NULL DEFAULT now(),
    failing_since  timestamptz,
    last_error     text NOT NULL DEFAULT ''       -- in words, while it fails
);

-- ── Secrets of feeds ────────────────────────────────────────────────────────────────────────
-- Passwords and header values are written and used, never shown: "***" stands for them, and given back it means: as it was.

CREATE FUNCTION mask_feed_config(config jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_set(jsonb_set(jsonb_set(config, '{pull,password}', '"***"', false),
                               '{mqtt_client,password}', '"***"', false),
                     '{pull,headers}',
                     (SELECT coalesce(jsonb_object_agg(key, '***'), '{}')
                      FROM jsonb_each(CASE WHEN jsonb_typeof(config #> '{pull,headers}') = 'object'
                                           THEN config #> '{pull,headers}' ELSE '{}' END)), false)
$$;

CREATE FUNCTION keep_feed_secrets(given jsonb, stored jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    secret text[];
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['pull', 'mqtt_client'] LOOP
        secret := ARRAY[name, 'password'];
        IF given #>> secret = '***' AND stored #> secret IS NOT NULL THEN
            given := jsonb_set(given, secret, stored #> secret);
        END IF;
    END LOOP;
    IF jsonb_typeof(given #> '{pull,headers}') = 'object' THEN
        FOR name IN SELECT jsonb_object_keys(given #> '{pull,headers}') LOOP
            secret := ARRAY['pull', 'headers', name];
            IF given #>> secret = '***' AND stored #> secret IS NOT NULL THEN
                given := jsonb_set(given, secret, stored #> secret);
            END IF;
        END LOOP;
    END IF;
    RETURN given;
END $$;

-- ── Telling running servers ─────────────────────────────────────────────────────────────────

CREATE TRIGGER station_notify AFTER INSERT OR UPDATE OR DELETE ON station
    FOR EACH STATEMENT EXECUTE FUNCTION notify_catalog();

CREATE FUNCTION notify_station() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('ww_station', '');
    RETURN NULL;
END $$;
CREATE TRIGGER station_command_notify AFTER INSERT ON station_command
    FOR EACH STATEMENT EXECUTE FUNCTION notify_station();

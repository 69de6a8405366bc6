-- Who may see what: row-level security on everything that shows something of a ward. docs/decisions/016-the-database-says-who-sees-what.md
--
-- Writers go on as the owner of the tables, whom row-level security does not concern. Whoever reads for somebody outside takes on
-- the role wardwatch_reader, and sees nothing unless it is said whose wards he sees:
--   the server says it by settings of its transaction (sql/queries/read_as.sql), which are believed of the owner's own sessions only;
--   a login of its own (an analyst with QGIS or psql) sees what the account sees whose database_role it is.
SET LOCAL search_path = wardwatch, public;

-- ── The role ────────────────────────────────────────────────────────────────────────────────
-- Roles belong to the cluster: the databases of several districts may make it at the same moment.

DO $$
DECLARE
    own      text := current_setting('role');
    there    boolean;
    tries    integer := 0;
BEGIN
    LOOP
        BEGIN
            there := to_regrole('wardwatch_reader') IS NOT NULL;
            IF NOT there THEN
                CREATE ROLE wardwatch_reader NOLOGIN;
            END IF;
            BEGIN
                PERFORM set_config('role', 'wardwatch_reader', true); -- what the server will do
            EXCEPTION WHEN insufficient_privilege THEN
                EXECUTE format('GRANT wardwatch_reader TO %I', session_user);
                PERFORM set_config('role', 'wardwatch_reader', true);
            END;
            PERFORM set_config('role', own, true);
            EXIT;
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format(
                    'a database administrator must first run: %sGRANT wardwatch_reader TO %I;',
                    CASE WHEN there THEN '' ELSE 'CREATE ROLE wardwatch_reader NOLOGIN; ' END, session_user);
            WHEN duplicate_object OR unique_violation OR internal_error THEN -- the last: "tuple concurrently updated"
                tries := tries + 1;
                IF tries = 50 THEN
                    RAISE;
                END IF;
                PERFORM pg_sleep(0.1);
        END;
    END LOOP;
END $$;

-- ── Whose eyes ──────────────────────────────────────────────────────────────────────────────
-- Policies call these as (SELECT reader_…()): once a query, not once a row. They run with the rights of the owner, whose name is
-- current_user in here, because readers may not look into account and membership.

ALTER TABLE account ADD COLUMN database_role text UNIQUE CHECK (database_role <> '');
COMMENT ON COLUMN account.database_role IS 'The login of PostgreSQL that sees what this account sees: docs/guides/sql-access.md';

-- Only sessions that could read everything anyway may say for whom they read: anybody can set a setting. While such a session has not
-- taken on another role, it reads for itself, and the views below show it everything.
CREATE FUNCTION reader_is_server() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = wardwatch, pg_temp AS $$
    SELECT pg_has_role(session_user, current_user, 'MEMBER')
$$;

-- All wards, and rows that have none.
CREATE FUNCTION reader_sees_all() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = wardwatch, pg_temp AS $$
    SELECT CASE WHEN reader_is_server()
                THEN current_setting('role') = 'none' OR coalesce(current_setting('wardwatch.wards', true) = 'all', false)
                ELSE EXISTS (SELECT FROM account a
                             WHERE a.database_role = session_user AND a.all_wards AND NOT a.disabled AND a.role <> 'feed') END
$$;

CREATE FUNCTION reader_wards() RETURNS integer[]
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = wardwatch, pg_temp AS $$
    SELECT CASE WHEN reader_is_server()
                THEN coalesce(nullif(nullif(current_setting('wardwatch.wards', true), ''), 'all')::integer[], '{}')
                ELSE ARRAY(SELECT m.ward_id
                           FROM account a
                           JOIN membership m ON m.account_id = a.id
                           WHERE a.database_role = session_user AND NOT a.disabled AND a.role <> 'feed') END
$$;

-- Feeds, stations, messages and dead letters are for those who look into the works, not for every reader of the map.
CREATE FUNCTION reader_inspects() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = wardwatch, pg_temp AS $$
    SELECT reader_is_server() AND current_setting('role') = 'none'
           OR coalesce(CASE WHEN reader_is_server() THEN current_setting('wardwatch.account_role', true)
                            ELSE (SELECT a.role FROM account a WHERE a.database_role = session_user AND NOT a.disabled) END
                       IN ('prosecutor', 'analyst', 'admin'), false)
$$;

-- ── Readings that a correction moved away ───────────────────────────────────────────────────
-- A correction may say that a reading was taken in another ward. Who does not see the correction must not take the older version
-- for the valid one. Written with the correction (sql/queries/stage_store.sql); hardly ever a row.

CREATE TABLE observation_moved (
    datastream_id    bigint NOT NULL,
    phenomenon_time  timestamptz NOT NULL,
    interval_s       integer NOT NULL,
    version          smallint NOT NULL, -- the one that is no longer valid
    ward_id          integer NOT NULL,  -- where it had been
    PRIMARY KEY (datastream_id, phenomenon_time, interval_s, version)
);
COMMENT ON TABLE observation_moved IS 'Versions that were superseded by one of another ward: only readers over all wards see them';

INSERT INTO observation_moved (datastream_id, phenomenon_time, interval_s, version, ward_id)
SELECT DISTINCT o.datastream_id, o.phenomenon_time, o.interval_s, o.version, o.ward_id
FROM observation n
JOIN observation o ON o.datastream_id = n.datastream_id AND o.phenomenon_time = n.phenomenon_time AND o.interval_s = n.interval_s
                  AND o.version < n.version AND o.ward_id IS DISTINCT FROM n.ward_id
WHERE n.version > 1 AND o.ward_id IS NOT NULL;

-- ── Policies ────────────────────────────────────────────────────────────────────────────────
-- A table without a row here gives readers nothing: row-level security without a policy, and no grant.
-- Partitions have no grant of their own: a reader comes to them through observation only.

DO $$
DECLARE
    t      record;
    inside text := '(SELECT reader_sees_all()) OR %s = ANY ((SELECT reader_wards())::integer[])';
BEGIN
    FOR t IN
        SELECT * FROM (VALUES
            ('ward', format(inside, 'id')),
            ('site', format(inside, 'ward_id')),
            ('thing', format(inside, 'ward_id')),
            ('feature_of_interest', format(inside, 'ward_id')),
            ('alert', format(inside, 'ward_id')),
            ('alert_event', format(inside, 'ward_id')),
            ('hotspot', format(inside, 'ward_id')),
            ('finding', format(inside, 'ward_id')),
            ('lead', format(inside, 'ward_id')),
            ('observation_moved', format(inside, 'ward_id')),
            -- Through the row that they belong to, and its policy.
            ('sensor', '(SELECT reader_sees_all()) OR EXISTS (SELECT FROM thing t WHERE t.id = thing_id)'),
            ('datastream', '(SELECT reader_sees_all()) OR EXISTS (SELECT FROM thing t WHERE t.id = thing_id)'),
            ('thing_health', '(SELECT reader_sees_all()) OR EXISTS (SELECT FROM thing t WHERE t.id = thing_id)'),
            ('alert_outcome', '(SELECT reader_sees_all()) OR EXISTS (SELECT FROM alert a WHERE a.id = alert_id)'),
            ('alert_trace', '(SELECT reader_sees_all()) OR EXISTS (SELECT FROM alert a WHERE a.id = alert_id)'),
            ('register_row', '(SELECT reader_sees_all()) OR EXISTS (SELECT FROM site s WHERE s.id = site_id)'),
            ('litigation_case', '(SELECT reader_sees_all()) OR EXISTS (SELECT FROM lead l WHERE l.id = lead_id)'),
            ('case_deadline', '(SELECT reader_sees_all()) OR EXISTS (SELECT FROM litigation_case c WHERE c.id = case_id)'),
            -- Where it was measured; and not, when it was then found to have been measured elsewhere.
            ('observation', '(SELECT reader_sees_all()) OR ward_id = ANY ((SELECT reader_wards())::integer[]) AND '
                            '((SELECT NOT EXISTS (SELECT FROM observation_moved)) OR NOT EXISTS '
                            '(SELECT FROM observation_moved m WHERE m.datastream_id = observation.datastream_id '
                            'AND m.phenomenon_time = observation.phenomenon_time AND m.interval_s = observation.interval_s '
                            'AND m.version = observation.version))'),
            -- No ward of their own, and about all of them.
            ('raw_message', '(SELECT reader_sees_all() AND reader_inspects())'),
            ('station', '(SELECT reader_sees_all() AND reader_inspects())'),
            ('station_gap', '(SELECT reader_sees_all() AND reader_inspects())'),
            ('station_event', '(SELECT reader_sees_all() AND reader_inspects())'),
            ('station_deviation', '(SELECT reader_sees_all() AND reader_inspects())'),
            -- About how data come in, not about what they say.
            ('feed_health', '(SELECT reader_inspects())'),
            ('pull_state', '(SELECT reader_inspects())'),
            ('setting', $p$key = 'district'$p$)) AS x (name, predicate)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY reader_sees ON %I FOR SELECT USING (%s)', t.name, t.predicate);
    END LOOP;
    -- Nobody's but ours: no policy, no grant.
    FOR t IN SELECT unnest(ARRAY['account', 'membership', 'token', 'outbox', 'receiver', 'ledger', 'dead_letter', 'station_command',
                                 'health_server', 'migration', 'judge_world', 'thing_was']) AS name LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
    END LOOP;
END $$;

-- ── What is shown of tables with secrets ────────────────────────────────────────────────────
-- Views of the owner, so row-level security is not asked: each says itself to whom it shows what. Their conditions are constants of
-- the query, which PostgreSQL checks before it reads a row.

CREATE VIEW feed_shown AS
    SELECT id, name, title, enabled, mask_feed_config(config) AS config, created_at, updated_at
    FROM feed
    WHERE (SELECT reader_inspects());
COMMENT ON VIEW feed_shown IS 'Feeds with their configuration, secrets covered: for inspectors';

CREATE VIEW feed_traffic AS
    SELECT feed_id, count(*) AS messages, coalesce(sum(received), 0) AS received, coalesce(sum(stored), 0) AS stored,
           coalesce(sum(duplicates), 0) AS duplicates, coalesce(sum(corrections), 0) AS corrections,
           coalesce(sum(dead), 0) AS dead, max(received_at) AS last_received_at
    FROM raw_message
    WHERE (SELECT reader_inspects())
    GROUP BY feed_id;
COMMENT ON VIEW feed_traffic IS 'What came through each feed: for inspectors';

-- When a message came, for those who see a reading of it and so know its id.
CREATE VIEW message_time AS SELECT id, received_at FROM raw_message;

-- Passwords and keys of HJ 212 stations stand in their frames too.
CREATE VIEW dead_letter_shown AS
    SELECT l.id, l.feed_id, f.name AS feed, l.raw_message_id, l.line, l.col, l.field, l.reason,
           CASE WHEN f.config->>'protocol' = 'hj212'
                THEN decode(regexp_replace(encode(substring(l.raw FROM 1 FOR 65536), 'escape'),
                                           '(PW|NewSK)(\s*=)[^;&\r\n]*', '\1\2***', 'gi'), 'escape')
                ELSE substring(l.raw FROM 1 FOR 65536) END AS raw,
           octet_length(l.raw) AS raw_bytes, l.content_type, l.recorded_at, l.state, l.resolved_at, l.resolved_by
    FROM dead_letter l
    JOIN feed f ON f.id = l.feed_id
    WHERE (SELECT reader_sees_all() AND reader_inspects());
COMMENT ON VIEW dead_letter_shown IS 'Dead letters, the first 64 KiB of each, secrets covered: for inspectors over all wards';

CREATE VIEW station_shown AS
    SELECT mn, feed_id, enabled, password <> '' AS has_password, sm4_key IS NOT NULL AS has_key, key_since, config, registered,
           created_at, updated_at
    FROM station
    WHERE (SELECT reader_sees_all() AND reader_inspects());
COMMENT ON VIEW station_shown IS 'HJ 212 stations without passwords and keys: for inspectors over all wards';

CREATE VIEW station_command_shown AS
    SELECT c.id, c.mn, c.cn,
           (SELECT coalesce(jsonb_agg(CASE WHEN f.pair ->> 0 IN ('NewPW', 'NewSK')
                                           THEN jsonb_build_array(f.pair -> 0, '***') ELSE f.pair END ORDER BY f.n), '[]')
            FROM jsonb_array_elements(c.fields) WITH ORDINALITY AS f (pair, n)) AS fields,
           c.purpose, c.state, c.requested_by, c.created_at, c.not_before, c.sent_at, c.qn, c.tries, c.qn_rtn, c.exe_rtn,
           (SELECT coalesce(jsonb_agg(CASE WHEN a.one ? 'data'
                                           THEN a.one || jsonb_build_object('data', regexp_replace(a.one ->> 'data',
                                                    '(NewPW|NewSK)=[^;,&]*', '\1=***', 'gi'))
                                           ELSE a.one END ORDER BY a.n), '[]')
            FROM jsonb_array_elements(c.answers) WITH ORDINALITY AS a (one, n)) AS answers,
           c.reason, c.finished_at
    FROM station_command c
    WHERE (SELECT reader_sees_all() AND reader_inspects());
COMMENT ON VIEW station_command_shown IS 'Commands to stations, new passwords and keys covered: for inspectors over all wards';

-- With the eyes of whoever asks, not with its owner's.
ALTER VIEW observation_current SET (security_invoker = true);

-- ── Grants ──────────────────────────────────────────────────────────────────────────────────

GRANT USAGE ON SCHEMA wardwatch TO wardwatch_reader;
GRANT SELECT ON setting, ward, site, waterway, observed_property, thing, sensor, datastream, feature_of_interest, observation,
    observation_current, observation_moved, limit_value, rule, rule_version, alert, alert_event, alert_outcome, alert_trace, hotspot,
    thing_health, feed_health, station_gap, station_event, station_deviation, feed_shown, feed_traffic, message_time,
    dead_letter_shown, station_shown, station_command_shown TO wardwatch_reader;
GRANT SELECT (id, name, title, enabled, created_at, updated_at) ON feed TO wardwatch_reader;
GRANT SELECT (id, feed_id, received_at, content_type, sha256, n_bytes, received, stored, corrections, duplicates, dead, deviations)
    ON raw_message TO wardwatch_reader;
GRANT SELECT ON finding, model_run TO wardwatch_reader;
GRANT SELECT (id, code, version, name_zh, name_en) ON supervision_model TO wardwatch_reader;
GRANT SELECT (feed_id, source, updated_at, failing_since, last_error) ON pull_state TO wardwatch_reader;

-- Views with their reader's eyes (security_invoker): granting them shows nothing that the tables don't.
GRANT USAGE ON SCHEMA layers TO wardwatch_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA layers TO wardwatch_reader;

-- ── The spatial index ───────────────────────────────────────────────────────────────────────
-- Behind row-level security an index serves only functions that are known to tell nothing about the rows they refuse. && compares
-- boxes and has no way to tell; PostGIS does not say so. Only a superuser may: else maps are read without the index, and the
-- guide names the statement (docs/guides/sql-access.md).

DO $$
BEGIN
    ALTER FUNCTION public.geometry_overlaps(geometry, geometry) LEAKPROOF;
EXCEPTION WHEN insufficient_privilege OR undefined_function THEN
    RAISE NOTICE '&& is not known to be leakproof: spatial indexes serve no readers';
END $$;

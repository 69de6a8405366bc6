-- What rules said, and what people found alerts to be: for recomputing alerts and for back-tests.
SET LOCAL search_path = wardwatch, public;

-- ── Rule versions ───────────────────────────────────────────────────────────────────────────
-- An alert names rule and version; the version must be there as it was, whoever changed the rule and by which way.
-- Hence triggers (docs/decisions/015-rule-versions-are-kept.md), and a change without a new version gets one.

CREATE TABLE rule_version (
    rule_id      integer NOT NULL REFERENCES rule ON DELETE CASCADE,
    version      integer NOT NULL,
    code         text NOT NULL,
    name_zh      text NOT NULL,
    name_en      text NOT NULL,
    detector     text NOT NULL,
    severity     smallint NOT NULL,
    enabled      boolean NOT NULL,
    config       jsonb NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (rule_id, version)
);
COMMENT ON TABLE rule_version IS 'Every version of every rule as it was; never changed';

INSERT INTO rule_version (rule_id, version, code, name_zh, name_en, detector, severity, enabled, config, recorded_at)
SELECT id, version, code, name_zh, name_en, detector, severity, enabled, config, updated_at FROM rule;

CREATE FUNCTION rule_count_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version = OLD.version
       AND (NEW.code, NEW.name_zh, NEW.name_en, NEW.detector, NEW.severity, NEW.enabled, NEW.config)
           IS DISTINCT FROM (OLD.code, OLD.name_zh, OLD.name_en, OLD.detector, OLD.severity, OLD.enabled, OLD.config) THEN
        NEW.version := OLD.version + 1;
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rule_count_version BEFORE UPDATE ON rule FOR EACH ROW EXECUTE FUNCTION rule_count_version();

-- The same version twice, with another content, is refused by the primary key.
CREATE FUNCTION rule_keep_version() RETURNS trigger LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
        RETURN NULL; -- nothing that counts was changed
    END IF;
    INSERT INTO rule_version (rule_id, version, code, name_zh, name_en, detector, severity, enabled, config)
    VALUES (NEW.id, NEW.version, NEW.code, NEW.name_zh, NEW.name_en, NEW.detector, NEW.severity, NEW.enabled, NEW.config);
    RETURN NULL;
END $$;
CREATE TRIGGER rule_keep_version AFTER INSERT OR UPDATE ON rule FOR EACH ROW EXECUTE FUNCTION rule_keep_version();

-- ── Outcomes ────────────────────────────────────────────────────────────────────────────────
-- What a person found an alert to be. Appended: the newest row of an alert holds, the older ones tell what was thought before.

CREATE TABLE alert_outcome (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id     bigint NOT NULL REFERENCES alert,
    outcome      text NOT NULL CHECK (outcome IN ('confirmed', 'false', 'unknown')),
    actor        text NOT NULL CHECK (actor <> ''),
    note         text NOT NULL DEFAULT '',
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_outcome_alert ON alert_outcome (alert_id, id);

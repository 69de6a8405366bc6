-- What an alert was judged with: kept, so that computing it again begins from the same.
SET LOCAL search_path = wardwatch, public;

-- A row each time that a server has built what it judges with (ingest/load.c): from the messages up to last_message, with these
-- rules, and of series and limits only those that there were. From then on it judges message by message, until the next row.
CREATE TABLE judge_world (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    begun_at          timestamptz NOT NULL DEFAULT now(),
    inherits          bigint REFERENCES judge_world, -- what its detectors had learned went on; NULL: learned from the past
    last_message      bigint NOT NULL,
    last_datastream   bigint NOT NULL,
    last_limit        bigint NOT NULL,
    learned_readings  integer NOT NULL, -- of each series, at most
    rules             jsonb NOT NULL    -- [[id, version], …]
);
COMMENT ON TABLE judge_world IS 'From what, and with which rules, readings were judged since when: docs/decisions/015-rule-versions-are-kept.md';

-- What things were before they were changed: which rules and limits they fall under and where they stand decides how they are judged.
-- Once a statement, so that ten thousand that are loaded again cost one more query.
CREATE TABLE thing_was (
    thing_id     bigint NOT NULL,
    until        timestamptz NOT NULL DEFAULT now(),
    class        text NOT NULL,
    limit_class  text NOT NULL,
    site_id      bigint,
    ward_id      integer,
    geom         geometry(Point, 4490),
    raw_x        double precision,
    raw_y        double precision,
    properties   jsonb NOT NULL
);
CREATE INDEX thing_was_thing ON thing_was (thing_id, until);
COMMENT ON TABLE thing_was IS 'A thing as it was until then; never changed. The first row after a moment is how it was at that moment; none: as it is';

CREATE FUNCTION thing_keep() RETURNS trigger LANGUAGE plpgsql SET search_path = wardwatch, public AS $$
BEGIN
    INSERT INTO thing_was (thing_id, class, limit_class, site_id, ward_id, geom, raw_x, raw_y, properties)
    SELECT o.id, o.class, o.limit_class, o.site_id, o.ward_id, o.geom, o.raw_x, o.raw_y, o.properties
    FROM before o
    JOIN after n USING (id)
    WHERE (o.class, o.limit_class, o.site_id, o.ward_id, o.geom::text, o.raw_x, o.raw_y, o.properties)
          IS DISTINCT FROM (n.class, n.limit_class, n.site_id, n.ward_id, n.geom::text, n.raw_x, n.raw_y, n.properties);
    RETURN NULL;
END $$;
CREATE TRIGGER thing_keep AFTER UPDATE ON thing REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION thing_keep();

-- All things as they were at a moment; 'infinity': as they are. Without a search path of its own, so that it becomes part of the query.
CREATE FUNCTION things_at(moment timestamptz) RETURNS SETOF thing LANGUAGE sql STABLE AS $$
    SELECT t.id, t.feed_id, t.key, t.name_zh, t.name_en,
           CASE WHEN w.thing_id IS NULL THEN t.class ELSE w.class END,
           CASE WHEN w.thing_id IS NULL THEN t.limit_class ELSE w.limit_class END,
           CASE WHEN w.thing_id IS NULL THEN t.site_id ELSE w.site_id END,
           CASE WHEN w.thing_id IS NULL THEN t.ward_id ELSE w.ward_id END,
           CASE WHEN w.thing_id IS NULL THEN t.geom ELSE w.geom END,
           CASE WHEN w.thing_id IS NULL THEN t.raw_x ELSE w.raw_x END,
           CASE WHEN w.thing_id IS NULL THEN t.raw_y ELSE w.raw_y END,
           t.source_datum, t.registered,
           CASE WHEN w.thing_id IS NULL THEN t.properties ELSE w.properties END
    FROM wardwatch.thing t
    LEFT JOIN LATERAL (SELECT x.* FROM wardwatch.thing_was x WHERE x.thing_id = t.id AND x.until >= moment ORDER BY x.until LIMIT 1) w ON true
$$;

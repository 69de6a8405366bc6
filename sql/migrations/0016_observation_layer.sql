-- The layer of observations: as quick at its end as at its start, and whole for every ward.
SET LOCAL search_path = wardwatch, public;

-- A hotline has no ward, a vehicle may come from another one: what they said in a ward is for its readers, who don't see the thing
-- itself. So what was measured, in which unit, is told of every series; of what, and where that stands, is not. Its
-- owner's eyes on purpose.
CREATE VIEW series_property AS
SELECT d.id AS datastream_id, p.code AS property, p.unit, d.statistic
FROM datastream d
JOIN observed_property p ON p.id = d.property_id;
COMMENT ON VIEW series_property IS 'What a series measures: for readers of its readings, whoever sees the thing';
GRANT SELECT ON series_property TO wardwatch_reader;

-- Versions are compared row by row (OFFSET keeps the planner from a join that begins with the first reading of all for every page).
CREATE OR REPLACE VIEW layers.observation WITH (security_invoker = true) AS
SELECT o.datastream_id, o.phenomenon_time, o.interval_s, o.value, p.unit, p.property, p.statistic, t.key AS thing, t.id AS thing_id,
       o.flag::text AS flag, o.version, o.detail, o.ward_id, w.code AS ward, coalesce(i.geom, t.geom) AS geom
FROM observation o
JOIN series_property p ON p.datastream_id = o.datastream_id
LEFT JOIN datastream d ON d.id = o.datastream_id
LEFT JOIN thing t ON t.id = d.thing_id
LEFT JOIN feature_of_interest i ON i.id = o.foi_id
LEFT JOIN ward w ON w.id = o.ward_id
WHERE NOT EXISTS (SELECT FROM observation n
                  WHERE n.datastream_id = o.datastream_id AND n.phenomenon_time = o.phenomenon_time
                    AND n.interval_s = o.interval_s AND n.version > o.version
                  OFFSET 0);

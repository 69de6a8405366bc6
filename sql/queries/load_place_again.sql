-- once
-- After wards have changed: in which ward does each thing and site lie now?
WITH thing_ward AS (
    SELECT t.id, (SELECT w.id FROM ward w WHERE ST_Covers(w.geom, t.geom) ORDER BY w.code LIMIT 1) AS ward_id
    FROM thing t
    WHERE t.geom IS NOT NULL
), moved_things AS (
    UPDATE thing t SET ward_id = n.ward_id FROM thing_ward n
    WHERE n.id = t.id AND t.ward_id IS DISTINCT FROM n.ward_id
    RETURNING 1
), site_ward AS (
    SELECT s.id, (SELECT w.id FROM ward w WHERE ST_Covers(w.geom, s.geom) ORDER BY w.code LIMIT 1) AS ward_id
    FROM site s
    WHERE s.geom IS NOT NULL
), moved_sites AS (
    UPDATE site s SET ward_id = n.ward_id FROM site_ward n
    WHERE n.id = s.id AND s.ward_id IS DISTINCT FROM n.ward_id
    RETURNING 1
)
SELECT (SELECT count(*) FROM moved_things), (SELECT count(*) FROM moved_sites)

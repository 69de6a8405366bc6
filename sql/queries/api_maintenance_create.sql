-- A window is announced: $1 thing id, $2 property, $3 site code, $4 ward code, $5 from, $6 to, $7 reason, $8 author, $9 the wards
-- that the author sees (NULL: all); $10 feed and $11 key, in place of $1. One row with it; none when what it is about is not there, or not theirs,
-- or when it is over before it begins or longer than 92 days.
WITH named AS (
    SELECT t.id AS thing_id, (SELECT p.id FROM wardwatch.observed_property p WHERE p.code = $2::text) AS property_id,
           NULL::bigint AS site_id, NULL::int AS ward_id, t.ward_id AS in_ward
    FROM wardwatch.thing t
    JOIN wardwatch.feed f ON f.id = t.feed_id
    WHERE t.id = $1::text::bigint OR (f.name = $10::text AND t.key = $11::text)
    UNION ALL
    SELECT NULL, NULL, s.id, NULL, s.ward_id FROM wardwatch.site s WHERE s.code = $3::text
    UNION ALL
    SELECT NULL, NULL, NULL, w.id, w.id FROM wardwatch.ward w WHERE w.code = $4::text),
made AS (
    INSERT INTO wardwatch.maintenance_window (thing_id, property_id, site_id, ward_id, from_at, to_at, reason, author)
    SELECT n.thing_id, n.property_id, n.site_id, n.ward_id, $5::timestamptz, $6::timestamptz, $7::text, $8::text
    FROM named n
    WHERE $6::timestamptz > $5::timestamptz AND $6::timestamptz <= $5::timestamptz + interval '92 days'
      AND ($9::int[] IS NULL OR n.in_ward = ANY ($9::int[])) AND ($2::text IS NULL OR n.property_id IS NOT NULL)
    RETURNING *)
SELECT wardwatch.maintenance_json(made::wardwatch.maintenance_window)::text FROM made;

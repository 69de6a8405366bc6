-- A window is over sooner: $1 id, $2 author, $3 the wards that the author sees (NULL: all). One row with it; ending it again changes
-- nothing. None when it is not there, not theirs, or over already.
WITH made AS (
    INSERT INTO wardwatch.maintenance_end (window_id, author)
    SELECT w.id, $2::text
    FROM wardwatch.maintenance_window w
    WHERE w.id = $1::bigint AND w.to_at > now()
      AND ($3::int[] IS NULL OR wardwatch.maintenance_ward(w) = ANY ($3::int[]))
    ON CONFLICT (window_id) DO UPDATE SET author = maintenance_end.author
    RETURNING *)
SELECT (wardwatch.maintenance_json(w) || jsonb_build_object('state', 'over', 'ended_at', e.ended_at, 'ended_by', e.author))::text
FROM made e
JOIN wardwatch.maintenance_window w ON w.id = e.window_id;

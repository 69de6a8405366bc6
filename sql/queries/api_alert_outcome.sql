-- What a person found an alert to be: $1 alert, $2 outcome, $3 note, $4 actor, $5 the wards that the actor sees (NULL: all). One row
-- with what was recorded, none when there is no such alert or it is not theirs.
INSERT INTO wardwatch.alert_outcome (alert_id, outcome, note, actor)
SELECT a.id, $2::text, $3::text, $4::text
FROM wardwatch.alert a
WHERE a.id = $1::bigint AND ($5::int[] IS NULL OR a.ward_id = ANY ($5::int[]))
RETURNING json_build_object('alert', alert_id, 'outcome', outcome, 'note', note, 'actor', actor, 'recorded_at', recorded_at)::text;

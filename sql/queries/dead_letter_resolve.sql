-- Marks a kept dead letter ($1 id) as $2 (resubmitted, discarded) by $3; no row when it is not kept any more.
UPDATE wardwatch.dead_letter
SET state = $2::text, resolved_at = now(), resolved_by = $3::text
WHERE id = $1::bigint AND state = 'kept'
RETURNING id;

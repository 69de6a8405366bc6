-- once
-- $1 alert: the datastreams that it names, its own, those of its reasons and of what it was before it was raised; and the newest
-- message that may have moved it.
WITH events AS (
    SELECT e.kind, e.recorded_at, e.detail FROM alert_event e WHERE e.alert_id = $1::bigint
), named AS (
    SELECT a.subject_id AS id FROM alert a WHERE a.id = $1::bigint AND a.subject_kind = 'datastream'
    UNION
    SELECT (r->>'datastream')::bigint
    FROM alert a CROSS JOIN LATERAL jsonb_array_elements(coalesce(a.explanation->'reasons', '[]')) r WHERE a.id = $1::bigint
    UNION
    SELECT (detail->'reason'->>'datastream')::bigint FROM events WHERE kind = 'joined'
    UNION
    SELECT (detail->'before'->>'subject')::bigint FROM events WHERE kind = 'raised' AND detail->'before'->>'subject_kind' = 'datastream'
)
SELECT n.id, (SELECT m.id FROM raw_message m -- ten minutes: clocks of the server and of the database
              WHERE m.received_at <= coalesce((SELECT max(recorded_at) FROM events WHERE kind = 'cleared'), 'infinity') + interval '10 min'
              ORDER BY m.id DESC
              LIMIT 1)
FROM named n
WHERE n.id IS NOT NULL
ORDER BY n.id

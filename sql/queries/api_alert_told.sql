-- What the words about an alert need besides it: $1 alert. The district's time zone ('' = UTC), the newest recorded outcome as JSON.
SELECT coalesce((SELECT s.value->>'time_zone' FROM wardwatch.setting s WHERE s.key = 'district'), ''),
       (SELECT json_build_object('outcome', o.outcome, 'was', nullif(o.was, ''), 'effect', nullif(o.effect, ''), 'note', o.note, 'actor', o.actor, 'recorded_at', o.recorded_at)::text
        FROM wardwatch.alert_outcome o WHERE o.alert_id = $1::bigint ORDER BY o.id DESC LIMIT 1);

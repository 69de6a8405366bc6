-- Where an alert came from and where it will go: written by ingest/trace_keeper.c while the alert is open.
SET LOCAL search_path = wardwatch, public;

CREATE TABLE alert_trace (
    alert_id  bigint PRIMARY KEY REFERENCES alert ON DELETE CASCADE,
    as_of     timestamptz NOT NULL DEFAULT now(),
    trace     jsonb NOT NULL, -- for the explanation
    geojson   jsonb NOT NULL  -- sources, stretch, what lies below
);

CREATE OR REPLACE FUNCTION alert_explanation(a alert) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE SET search_path = wardwatch, public AS $$
    SELECT a.explanation || coalesce(a.latest, '{}')
           || coalesce((SELECT jsonb_build_object('trace', t.trace) FROM alert_trace t WHERE t.alert_id = a.id), '{}')
           || CASE WHEN j.reasons IS NULL THEN '{}'
                   ELSE jsonb_build_object('reasons', coalesce(a.explanation->'reasons', '[]') || j.reasons) END
    FROM (SELECT jsonb_agg(e.detail->'reason' ORDER BY e.id) AS reasons
          FROM alert_event e
          WHERE e.alert_id = a.id AND e.kind = 'joined' AND e.detail ? 'reason') j
$$;

-- How many frames of stations deviate. $1 jsonb: [{"mn", "kind", "frames", "at"}, …], of one MN and kind several at most.
INSERT INTO station_deviation AS d (mn, kind, frames, first_at, last_at)
SELECT e.mn, e.kind, sum(e.frames), min(e.at), max(e.at)
FROM jsonb_to_recordset($1::jsonb) AS e(mn text, kind text, frames bigint, at timestamptz)
JOIN station s ON s.mn = e.mn
GROUP BY e.mn, e.kind
ORDER BY e.mn, e.kind
ON CONFLICT (mn, kind) DO UPDATE
SET frames = d.frames + excluded.frames, last_at = greatest(d.last_at, excluded.last_at)

-- once
-- $1 when an alert was opened, $2 when it was cleared (NULL: it is open): what judged it (judge_world), from that from which it has what
-- it had learned, to that which cleared it: id, whether it inherits, newest message, datastream and limit row that it knew, readings a
-- series that it learned from, when it began (microseconds), whether it is the one that opened the alert.
WITH RECURSIVE opener AS (
    SELECT * FROM judge_world WHERE begun_at <= $1::timestamptz ORDER BY id DESC LIMIT 1
), back AS (
    SELECT id, inherits FROM opener
    UNION ALL
    SELECT w.id, w.inherits FROM back b JOIN judge_world w ON w.id = b.inherits
)
SELECT w.id, w.inherits IS NOT NULL, w.last_message, w.last_datastream, w.last_limit, w.learned_readings,
       (extract(epoch FROM w.begun_at) * 1000000)::bigint, w.id = o.id
FROM judge_world w, opener o
WHERE w.id IN (SELECT id FROM back) OR (w.id > o.id AND w.begun_at <= coalesce($2::timestamptz, 'infinity'))
ORDER BY w.id

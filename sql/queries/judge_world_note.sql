-- Before the first message is judged. $1 the world whose learned states went on (NULL: none), $2 newest datastream, $3 newest limit
-- row, $4 int: how many readings a series its detectors learned from at most, $5 jsonb [[rule, version], …]. id.
INSERT INTO judge_world (inherits, last_message, last_datastream, last_limit, learned_readings, rules)
SELECT $1::bigint, coalesce((SELECT max(id) FROM raw_message), 0), $2::bigint, $3::bigint, $4::int, $5::jsonb
RETURNING id

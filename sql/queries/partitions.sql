-- $1 timestamptz[]: moments for which a partition must be there.
SELECT ensure_partition(m) FROM unnest($1::timestamptz[]) AS m

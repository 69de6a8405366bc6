-- $1 int: blocks of raw_message ids wanted, $2 int: of feature_of_interest ids. kind (0, 1), first id of a block of 1,000.
SELECT 0, nextval('raw_message_id') FROM generate_series(1, $1::int)
UNION ALL
SELECT 1, nextval('feature_of_interest_id') FROM generate_series(1, $2::int)

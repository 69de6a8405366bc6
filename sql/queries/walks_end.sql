-- once
SELECT set_config('enable_' || way, 'on', false)
FROM unnest('{sort,incremental_sort,bitmapscan,seqscan,hashjoin,mergejoin}'::text[]) AS way

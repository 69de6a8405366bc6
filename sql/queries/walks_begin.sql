-- once
-- Before queries that want the newest few rows of each datastream: from here to walks_end this connection walks indexes.
-- Below a filter the planner does not see that few are wanted; once there are some thousand rows of a datastream it would
-- read and sort all of them, at last all of observation, and every rebuild would take longer by each day that is stored.
SELECT set_config('enable_' || way, 'off', false)
FROM unnest('{sort,incremental_sort,bitmapscan,seqscan,hashjoin,mergejoin}'::text[]) AS way

-- Whether this connection is (or becomes) the one whose scans and hot spots move alerts.
SELECT pg_try_advisory_lock(hashtext('wardwatch.space'))

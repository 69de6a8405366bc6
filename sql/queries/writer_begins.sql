-- In every writing transaction: writers_end waits for it.
SELECT pg_advisory_xact_lock_shared(hashtext('wardwatch.writer'))

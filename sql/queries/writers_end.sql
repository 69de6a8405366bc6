-- Waits until every transaction that is writing now has ended. A server that was killed leaves a backend behind
-- which may still commit what it had been sent; what is read after this has all of it.
SELECT pg_advisory_xact_lock(hashtext('wardwatch.writer'))

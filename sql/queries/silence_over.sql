-- A silence is over: $1 id, $2 author, $3 the wards that the author sees (NULL: all). One row with its id; none when it is not there, or hides
-- something where the author may not act. Ending it again changes nothing.
SELECT s.id, wardwatch.silence_over(s.id, $2::text)
FROM wardwatch.silence s
WHERE s.id = $1::text::bigint AND ($3::int[] IS NULL OR s.ward_ids <@ $3::int[])

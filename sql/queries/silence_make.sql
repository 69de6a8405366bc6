-- 0019_silence.sql says what comes back. $1 rule, $2 feed, $3 key, $4 thing id, $5 property, $6 site, $7 ward, $8 polygon as EWKB, $9 greatest severity,
-- $10 until, $11 reason, $12 author, $13 the wards that the author sees (NULL: all).
SELECT wardwatch.silence_make($1::text, $2::text, $3::text, $4::text::bigint, $5::text, $6::text, $7::text, $8::bytea::geometry, $9::bigint,
                              $10::text::timestamptz, $11::text, $12::text, $13::int[])

-- The district's time zone, if it is set.
SELECT value->>'time_zone' FROM setting WHERE key = 'district'

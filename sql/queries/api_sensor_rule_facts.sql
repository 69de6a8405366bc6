-- What a rule about senders refers to: is the feed known ($1, '' = all), and the property ($2, '' = any)?
SELECT $1::text = '' OR EXISTS (SELECT FROM wardwatch.feed WHERE name = $1::text),
       $2::text = '' OR EXISTS (SELECT FROM wardwatch.observed_property WHERE code = $2::text);

-- The wind of each of the last 48 hours, a mean of all who measured it within 0.4 degrees of a thing ($1): hour (microseconds), where it
-- comes from (the direction of the mean vector), speed, standard deviation of the direction (NULL: nobody measured it).
WITH here AS (SELECT ST_Expand(geom, 0.4) AS box FROM thing WHERE id = $1::bigint)
SELECT (extract(epoch FROM date_trunc('hour', o.phenomenon_time)) * 1000000)::bigint,
       degrees(atan2(avg(sin(radians(o.value))) FILTER (WHERE p.code = 'wind_direction'),
                     avg(cos(radians(o.value))) FILTER (WHERE p.code = 'wind_direction'))),
       avg(o.value) FILTER (WHERE p.code = 'wind_speed'),
       avg(o.value) FILTER (WHERE p.code = 'wind_sigma_theta')
FROM thing t
JOIN here ON t.geom && here.box
JOIN datastream d ON d.thing_id = t.id AND d.statistic = ''
JOIN observed_property p ON p.id = d.property_id AND p.code IN ('wind_direction', 'wind_speed', 'wind_sigma_theta')
JOIN observation_current o ON o.datastream_id = d.id AND o.phenomenon_time > now() - interval '48 hours' AND o.flag = 'N'
GROUP BY 1
HAVING count(*) FILTER (WHERE p.code = 'wind_direction') > 0 AND count(*) FILTER (WHERE p.code = 'wind_speed') > 0
ORDER BY 1

-- $1 text: last MN seen. The registry of HJ 212 stations.
SELECT mn, feed_id, enabled, password, sm4_key, sm4_previous, config::text
FROM station
WHERE mn > $1::text
ORDER BY mn
LIMIT 5000

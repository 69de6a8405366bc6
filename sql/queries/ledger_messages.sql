-- $1 bigint[]: raw messages of this transaction. One leaf each: SHA-256(0x00 || content), RFC 6962.
INSERT INTO ledger (kind, ref, leaf)
SELECT 'raw_message', m.id,
       sha256('\x00'::bytea || convert_to(concat_ws('|', 'raw_message', m.id, m.feed_id,
                                                    (extract(epoch FROM m.received_at) * 1000000)::bigint,
                                                    encode(m.sha256, 'hex'), m.received, m.stored, m.duplicates, m.dead),
                                          'UTF8'))
FROM unnest($1::bigint[]) AS wanted (id)
JOIN raw_message m USING (id)
ORDER BY m.id

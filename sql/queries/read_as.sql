-- Makes the transaction read with the eyes of a reader: $1 database role, $2 wards ('all' or '{1,2}'), $3 account ('0' = nobody),
-- $4 the account's role ('' = nobody's).
-- All of it ends with the transaction. The role comes last: the settings before it are ours to make.
SELECT set_config('transaction_read_only', 'on', true), set_config('wardwatch.wards', $2::text, true),
       set_config('wardwatch.account', $3::text, true),
       set_config('wardwatch.account_role', $4::text, true), set_config('role', $1::text, true);

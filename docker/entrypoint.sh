#!/bin/sh
# Runs wardwatch in its container. For `serve` the schema is brought up to date first; that is safe from several
# containers at once. WARDWATCH_DB says which database; WARDWATCH_DB_PASSWORD_FILE names a file with its password,
# which is then in nobody's process list.
set -eu
if [ -n "${WARDWATCH_DB_PASSWORD_FILE:-}" ]; then
    PGPASSWORD=$(cat "$WARDWATCH_DB_PASSWORD_FILE")
    export PGPASSWORD
fi
if [ "${1:-}" = serve ]; then
    wardwatch migrate
fi
exec wardwatch "$@"

#!/bin/sh
# Runs a private PostgreSQL cluster for one test: unix socket only, nothing shared with the machine's own.
#
#   pg_cluster.sh start DIR     makes the cluster in DIR when there is none, starts it, prints its conninfo
#   pg_cluster.sh stop DIR      stops it (fast); the data stay, `start` brings it back
#   pg_cluster.sh kill DIR      kills postmaster and backends at once, as a power cut would; the data stay
#   pg_cluster.sh conninfo DIR  prints the conninfo again
#   pg_cluster.sh remove DIR    stops it and deletes DIR
#
# DIR must be short (a socket path has 107 bytes), absolute, and new or made by this script.
# PostgreSQL refuses to run as root: then everything here runs as the user postgres.
# PG_CLUSTER_DURABLE=1 keeps fsync on (for tests that cut the power); PG_CLUSTER_OPTIONS adds
# server options such as "-c max_connections=20".
set -eu

fail() {
    echo "pg_cluster.sh: $*" >&2
    exit 1
}

[ $# -eq 2 ] || fail "usage: pg_cluster.sh start|stop|kill|conninfo|remove DIR"
verb=$1
dir=$2
case $dir in
/*) ;;
*) fail "$dir is not an absolute path" ;;
esac
[ ${#dir} -le 85 ] || fail "$dir is too long for a socket path"

bin=$(ls -d /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin 2>/dev/null | head -n 1)
[ -n "$bin" ] || fail "no PostgreSQL server in /usr/lib/postgresql"
data=$dir/data
name=wardwatch

as_owner() {
    # Its own working directory: postgres may not be allowed to read the caller's.
    if [ "$(id -u)" -eq 0 ]; then
        (cd "$dir" && exec runuser -u postgres -- "$@")
    else
        (cd "$dir" && exec "$@")
    fi
}

is_running() {
    [ -d "$data" ] && as_owner "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1
}

make_cluster() {
    mkdir -p "$dir"
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres "$dir"
    fi
    as_owner "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >"$dir/initdb.log" 2>&1 ||
        fail "initdb failed, see $dir/initdb.log"
    cat >>"$data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 400 # the servers of a module's tests stay up until its end, with some ten each
shared_buffers = 128MB
max_wal_size = 4GB
log_line_prefix = '%m [%p] '
CONF
    if [ "${PG_CLUSTER_DURABLE:-0}" != 1 ]; then
        cat >>"$data/postgresql.conf" <<CONF
fsync = off
full_page_writes = off
CONF
    fi
}

start() {
    [ -d "$data" ] || make_cluster
    is_running ||
        as_owner "$bin/pg_ctl" -D "$data" -l "$dir/log" -w -t 60 -s -o "${PG_CLUSTER_OPTIONS:-}" start \
            >/dev/null 2>&1 </dev/null || fail "the server did not start, see $dir/log"
    if ! as_owner "$bin/psql" -h "$dir" -U postgres -d "$name" -qc '' >/dev/null 2>&1; then
        as_owner "$bin/createdb" -h "$dir" -U postgres "$name" || fail "createdb failed"
    fi
    conninfo
}

conninfo() {
    echo "host=$dir port=5432 dbname=$name user=postgres"
}

stop() {
    if is_running; then
        as_owner "$bin/pg_ctl" -D "$data" -m "$1" -w -t 60 -s stop >/dev/null
    fi
}

kill_now() {
    is_running || return 0
    pid=$(head -n 1 "$data/postmaster.pid")
    # Backends are children of the postmaster; freeze it first so that it starts no new ones.
    kill -STOP "$pid"
    for child in $(cat "/proc/$pid/task/$pid/children"); do
        kill -KILL "$child" 2>/dev/null || :
    done
    kill -KILL "$pid"
    while [ -d "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do
        sleep 0.02
    done
    # Where nobody reaps orphans the dead one still answers to its number, and pg_ctl would believe it.
    rm -f "$data/postmaster.pid" "$dir/.s.PGSQL.5432" "$dir/.s.PGSQL.5432.lock"
}

case $verb in
start) start ;;
stop) stop fast ;;
kill) kill_now ;;
conninfo) conninfo ;;
remove)
    stop immediate
    if [ -d "$data" ]; then
        rm -rf "$dir"
    fi
    ;;
*) fail "unknown verb $verb" ;;
esac

# The embedded database of ./run: a private PostgreSQL 15 with PostGIS below a folder, reached by a unix socket only.
#
# Sourced by bash after server/setup.sh. Life cycle:
#   cluster_prepare DIR    finds a place, makes the cluster when there is none; sets the variables below
#   cluster_start          starts it as a child of this shell, waits for it, makes role and database once
#   cluster_stop           ends it (fast shutdown: open transactions are rolled back, all that is committed stays)
#   cluster_socket, cluster_conninfo, cluster_pid
#
# Whose it is: PostgreSQL refuses root, so root runs it as the user postgres; anybody else runs it as himself.
# Who may enter: whoever may enter the socket's folder (mode 0750: its owner, root, and after `sudo ./run` the
# group of the user who typed that); there is no password inside. The server's own role, wardwatch, owns the
# database and is no superuser; the superuser is called postgres.
# Where it lies: DIR/pg. Where postgres may not enter DIR (a checkout in /root), DIR/pg is a link to a folder in
# /var/lib/wardwatch. The kernel gives a socket's path 107 bytes: where DIR is longer, DIR/pg/socket is a link to /tmp.

cluster_bin=/usr/lib/postgresql/15/bin
cluster_pid=
socket_path_most=$((107 - 15)) # sun_path less its NUL, less "/.s.PGSQL.5432" and one to spare

cluster_as_owner() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=postgres --regid=postgres --init-groups -- env HOME=/ "$@"
    else
        "$@"
    fi
}

# Kept after the first run by being there: a folder, or a link to it.
cluster_find_home() {
    local dir=$1
    if [ -L "$dir/pg" ] && [ ! -d "$dir/pg" ]; then
        fail "$dir/pg is a link to a folder that is gone: remove the link to begin with an empty database"
    fi
    if [ ! -d "$dir/pg" ]; then
        if [ "$(id -u)" -ne 0 ] || (cd / && cluster_as_owner test -x "$dir"); then
            mkdir -m 0755 "$dir/pg"
        else
            mkdir -p -m 0755 /var/lib/wardwatch
            local made
            made=$(mktemp -d /var/lib/wardwatch/XXXXXXXX) || fail "can't make a folder in /var/lib/wardwatch"
            chmod 0755 "$made"
            ln -s "$made" "$dir/pg"
            say "the user postgres may not enter $dir: the database lies in $made ($dir/pg points there)"
        fi
        if [ "$(id -u)" -eq 0 ]; then
            chown postgres:postgres "$dir/pg/."
        fi
    fi
    cluster_home=$(cd "$dir/pg" && pwd -P) || fail "can't enter $dir/pg"
    if [ "$(id -u)" -ne 0 ] && [ ! -O "$cluster_home" ]; then
        fail "the database in $dir belongs to another user: run this as root or give another --dir"
    fi
}

cluster_find_socket() {
    cluster_socket=$cluster_home/socket
    if [ ${#cluster_socket} -gt $socket_path_most ]; then
        if [ ! -d "$cluster_home/socket" ]; then
            rm -f "$cluster_home/socket"
            ln -s "$(mktemp -d /tmp/wardwatch-XXXXXXXX)" "$cluster_home/socket"
        fi
        cluster_socket=$(readlink -f "$cluster_home/socket")
    fi
    mkdir -p "$cluster_socket"
    if [ "$(id -u)" -eq 0 ]; then
        chown "postgres:${SUDO_GID:-postgres}" "$cluster_socket"
    fi
    chmod 0750 "$cluster_socket"
    # Said to people and programs: by way of DIR while that is short enough.
    if [ $((${#1} + 10)) -le $socket_path_most ]; then
        cluster_socket_shown=$1/pg/socket
    else
        cluster_socket_shown=$cluster_socket
    fi
    local quoted=${cluster_socket_shown//\\/\\\\}
    cluster_conninfo="host='${quoted//\'/\\\'}' dbname=wardwatch user=wardwatch"
}

cluster_prepare() {
    [ -x "$cluster_bin/postgres" ] || fail "PostgreSQL 15 is not in $cluster_bin"
    cluster_find_home "$1"
    cluster_find_socket "$1"
    local data=$cluster_home/data
    if [ ! -d "$data" ]; then
        # Made aside and renamed: an interrupted initdb leaves no half of a cluster.
        rm -rf "$data.new"
        step initdb "making the database cluster" cluster_initdb "$data.new"
        mv "$data.new" "$data"
    fi
    [ "$(cat "$data/PG_VERSION")" = 15 ] ||
        fail "the cluster in $data is of PostgreSQL $(cat "$data/PG_VERSION"), this is 15: move it with pg_upgrade or give another --dir"
}

cluster_initdb() {
    cd "$cluster_home" &&
        cluster_as_owner "$cluster_bin/initdb" -D "$1" -U postgres -A trust -E UTF8 --locale=C.UTF-8
}

# An eighth of the memory, between 128 MiB and 1 GiB.
cluster_buffers_mb() {
    awk '/^MemTotal:/ { mb = int($2 / 8192); print (mb < 128 ? 128 : mb > 1024 ? 1024 : mb) }' /proc/meminfo
}

# A server that outlived a killed ./run is about to end (its parent-death signal says so): wait for it.
cluster_wait_for_predecessor() {
    local pid end=$((SECONDS + 30))
    while pid=$(head -n 1 "$cluster_home/data/postmaster.pid" 2>/dev/null) && [ -n "$pid" ] &&
        grep -qs postgres "/proc/$pid/comm"; do
        [ $SECONDS -lt $end ] || fail "another PostgreSQL (process $pid) runs on $cluster_home/data"
        sleep 0.1
    done
}

cluster_start() {
    cluster_wait_for_predecessor
    local owner=() log=$log_dir/postgresql.log
    if [ "$(id -u)" -eq 0 ]; then
        owner=(--reuid=postgres --regid=postgres --init-groups)
    fi
    cd "$cluster_home" || fail "can't enter $cluster_home"
    # A session of its own, so that Ctrl-C reaches this shell only and things end in order; and should this shell be
    # killed, the kernel sends the server its signal for a fast shutdown.
    setsid setpriv "${owner[@]}" --pdeathsig INT -- "$cluster_bin/postgres" -D "$cluster_home/data" \
        -c listen_addresses= -c unix_socket_directories="$cluster_socket" -c port=5432 \
        -c fsync=on -c synchronous_commit=on -c full_page_writes=on \
        -c shared_buffers="$(cluster_buffers_mb)MB" -c max_wal_size=2GB -c checkpoint_timeout=15min \
        -c max_connections=60 -c jit=off -c log_line_prefix='%m [%p] ' >"$log" 2>&1 </dev/null &
    cluster_pid=$!
    cd "$root" || exit 1
    local end=$((SECONDS + 60))
    until cluster_psql -d postgres -c 'SELECT' >/dev/null 2>&1; do
        kill -0 "$cluster_pid" 2>/dev/null ||
            { tail -n 5 "$log" | sed 's/^/    /' >&2; fail "PostgreSQL did not start (all it said: $log)"; }
        [ $SECONDS -lt $end ] || fail "PostgreSQL is not ready after 60 s (see $log)"
        sleep 0.05
    done
    cluster_make_database
}

# Each part only when it is missing: an interrupted first run is completed by the next.
cluster_make_database() {
    local have
    have=$(cluster_psql -d postgres -c "SELECT rolname FROM pg_roles WHERE rolname = 'wardwatch'
        UNION ALL SELECT 'base' FROM pg_database WHERE datname = 'wardwatch'") || fail "PostgreSQL does not answer (see $log)"
    case $have in
    *wardwatch*) ;;
    *) cluster_psql -d postgres -c 'CREATE ROLE wardwatch LOGIN' || fail "can't make the role wardwatch (see $log)" ;;
    esac
    case $have in
    *base*) ;;
    *) cluster_psql -d postgres -c 'CREATE DATABASE wardwatch OWNER wardwatch' || fail "can't make the database (see $log)" ;;
    esac
    PGOPTIONS='-c client_min_messages=warning' cluster_psql -d wardwatch \
        -c 'CREATE EXTENSION IF NOT EXISTS postgis' -c 'CREATE EXTENSION IF NOT EXISTS btree_gist' ||
        fail "PostGIS can't be set up in the database (see $log)"
    # What readers need and wardwatch may not make itself (0015_visibility.sql): their role, and the spatial index.
    PGOPTIONS='-c client_min_messages=warning' cluster_psql -d wardwatch \
        -c "DO \$\$ BEGIN IF to_regrole('wardwatch_reader') IS NULL THEN CREATE ROLE wardwatch_reader NOLOGIN; END IF; END \$\$" \
        -c 'GRANT wardwatch_reader TO wardwatch' \
        -c 'ALTER FUNCTION public.geometry_overlaps(geometry, geometry) LEAKPROOF' ||
        fail "the role wardwatch_reader can't be made (see $log)"
}

cluster_psql() {
    "$cluster_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$cluster_socket" -U postgres "$@"
}

cluster_stop() {
    [ -n "$cluster_pid" ] || return 0
    kill -INT "$cluster_pid" 2>/dev/null
    wait "$cluster_pid" 2>/dev/null
    cluster_pid=
}

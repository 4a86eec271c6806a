#!/bin/bash
# A PostgreSQL or Redis of one's own, for tests and benches: nothing is assumed
# to run on the machine, and nothing outside of DIR is touched.
#
#   util/private.sh postgres DIR [PORT [NAME=VALUE...]]
#   util/private.sh redis DIR [PORT [LINE...]]
#   util/private.sh stop DIR
#
# The first two start a server and print its address when it answers:
#
#   postgresql://keystone@/keystone?host=DIR      (or @127.0.0.1:PORT/keystone)
#   unix:DIR/redis.sock                           (or 127.0.0.1:PORT)
#
# Without a PORT, or with 0, it listens on a unix socket in DIR alone. What
# follows the port goes into postgresql.conf ("max_connections=20"), or is a
# line of redis.conf ("maxmemory 2mb"). A server that was stopped or killed is
# started again by the same command and has what it had. DIR/pid holds the
# process id, DIR/log what it says; DIR must be short (sockets: 107 bytes).
#
# Whoever starts it stops it; what is forgotten ends by itself after
# PRIVATE_LIFE seconds (1800).
# shellcheck source=util/common.sh
. "$(dirname "$0")/common.sh"

life=${PRIVATE_LIFE:-1800}

# PostgreSQL does not run as root.
as_postgres=()
[ "$(id -u)" -ne 0 ] ||
    as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)

postgres_bin() {
    local newest
    newest=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 2> /dev/null |
        sort -V | tail -n 1)
    [ -n "$newest" ] || die "private: no PostgreSQL here: make setup-t"
    echo "$newest/bin"
}

# A process that nobody has waited for is not alive.
alive() { # PID
    local state
    state=$(ps -o state= -p "$1" 2> /dev/null) && [ "${state:0:1}" != Z ]
}

# Ends PID after some time, unless it ends before.
bounded() { # PID
    (
        end=$((SECONDS + life))
        while [ $SECONDS -lt $end ]; do
            alive "$1" || exit 0
            sleep 2
        done
        kill -CONT "$1"
        kill -KILL "$1"
    ) > /dev/null 2>&1 < /dev/null &
    disown
}

wait_until() { # COMMAND...
    local i
    for ((i = 0; i < 600; i++)); do
        "$@" > /dev/null 2>&1 && return
        alive "$(cat "$home/pid")" || return 1
        sleep 0.05
    done
    return 1
}

no_answer() { # WHAT
    tail -n 20 "$home/log" >&2
    die "private: $1 does not answer, see above"
}

# One cluster is made with initdb, the others are copies of it: 0.1 s, not 2 s.
postgres_data() {
    local template=$DEPS/postgres-template
    if [ ! -f "$template/complete" ]; then
        rm -rf "$template.$$"
        mkdir -p "$template.$$"
        [ "$(id -u)" -ne 0 ] || chown postgres: "$template.$$"
        # /tmp: the checkout may lie where user postgres cannot go
        local made
        made=$(mktemp -d /tmp/keystone-initdb-XXXXXX)
        [ "$(id -u)" -ne 0 ] || chown postgres: "$made"
        (cd "$made" && "${as_postgres[@]}" "$bin/initdb" -D "$made/data" -U keystone \
            --auth=trust -E UTF8 --no-locale --no-sync) > "$made/log" 2>&1 ||
            { cat "$made/log" >&2; die "private: initdb failed, see above"; }
        mv "$made/data" "$template.$$/data"
        rm -rf "$made"
        touch "$template.$$/complete"
        mv -T "$template.$$" "$template" 2> /dev/null ||
            rm -rf "$template.$$" # another one was quicker
    fi
    cp -a "$template/data" "$home/data"
}

start_postgres() {
    local bin port=${1:-0} number setting
    number=$([ "$port" = 0 ] && echo 5432 || echo "$port")
    bin=$(postgres_bin)
    shift || true
    local fresh=
    if [ ! -d "$home/data" ]; then
        locked "$DEPS" postgres_data
        fresh=yes
    fi
    [ "$(id -u)" -ne 0 ] || chown -R postgres: "$home"
    chmod 711 "$home"
    "${as_postgres[@]}" test -x "$home" ||
        die "private: user postgres cannot go to $home: chmod 711 ${home%/*}"
    rm -f "$home/data/postmaster.pid" "$home"/.s.PGSQL.*
    {
        echo "unix_socket_directories = '$home'"
        echo "port = $number"
        echo "listen_addresses = '$([ "$port" = 0 ] || echo 127.0.0.1)'"
        # Its machine is not going to fail; the tests need it to be quick.
        printf '%s = off\n' fsync synchronous_commit full_page_writes autovacuum
        echo 'shared_buffers = 16MB'
        echo 'max_connections = 100'
        echo 'log_line_prefix = '\''%m [%p] %q%a '\'
        for setting in "$@"; do
            echo "${setting%%=*} = '${setting#*=}'"
        done
    } > "$home/data/postgresql.auto.conf"
    [ "$(id -u)" -ne 0 ] || chown postgres: "$home/data/postgresql.auto.conf"
    # After a kill -9 its children hold the shared memory for a moment.
    local try
    for try in 1 2 3 4 5 6 7 8 9 10; do
        (cd "$home" && exec "${as_postgres[@]}" "$bin/postgres" -D "$home/data" \
            >> "$home/log" 2>&1 < /dev/null) &
        echo $! > "$home/pid"
        wait_until "$bin/pg_isready" -h "$home" -U keystone -d postgres \
            -p "$number" && break
        [ "$try" -lt 10 ] || no_answer PostgreSQL
        sleep 0.3
    done
    bounded "$(cat "$home/pid")"
    if [ -n "$fresh" ]; then
        "$bin/createdb" -h "$home" -U keystone \
            -p "$number" keystone
    fi
    if [ "$port" = 0 ]; then
        echo "postgresql://keystone@/keystone?host=$home"
    else
        echo "postgresql://keystone@127.0.0.1:$port/keystone"
    fi
}

start_redis() {
    local port=${1:-0} line
    shift || true
    {
        echo "port $port"
        echo "bind 127.0.0.1"
        echo "unixsocket $home/redis.sock"
        echo "unixsocketperm 777"
        echo "dir $home"
        echo 'save ""'
        echo 'appendonly no'
        echo 'databases 512'
        for line in "$@"; do
            echo "$line"
        done
    } > "$home/redis.conf"
    chmod 711 "$home"
    rm -f "$home/redis.sock"
    redis-server "$home/redis.conf" >> "$home/log" 2>&1 < /dev/null &
    echo $! > "$home/pid"
    bounded "$(cat "$home/pid")"
    # a password or TLS is the caller's: it listens, and that is enough
    wait_until test -S "$home/redis.sock" || no_answer Redis
    if [ "$port" = 0 ]; then
        echo "unix:$home/redis.sock"
    else
        echo "127.0.0.1:$port"
    fi
}

stop() {
    local pid
    pid=$(cat "$home/pid" 2> /dev/null) || return 0
    kill -CONT "$pid" 2> /dev/null || return 0
    kill -INT "$pid" 2> /dev/null || return 0
    local i
    for ((i = 0; i < 100; i++)); do
        alive "$pid" || return 0
        sleep 0.05
    done
    kill -KILL "$pid" 2> /dev/null || true
}

[ $# -ge 2 ] || die "private: usage: util/private.sh postgres|redis DIR [PORT [SETTING...]] | stop DIR"
what=$1 home=$2
shift 2
mkdir -p "$home" "$DEPS"
home=$(cd "$home" && pwd)
[ ${#home} -le 80 ] || die "private: $home: too long a name for a socket in it"
case $what in
    postgres) start_postgres "$@" ;;
    redis) start_redis "$@" ;;
    stop) stop ;;
    *) die "private: no server named $what: postgres or redis" ;;
esac

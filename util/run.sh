#!/bin/bash
# Start Keystone from this checkout, in the foreground: util/run.sh
# State (secret, database, media, logs) stays in RUN_DIR. From the environment:
#   HTTP_PORT RTMP_PORT LISTEN RUN_DIR WORKERS
#   DATABASE_URL REDIS_ADDR REDIS_PASSWORD JWT_SECRET RATE_LIMIT
#   SRS_UPSTREAM=HOST:1985   an SRS for WebRTC; its other ports are at
#   SRS_HTTP=HOST:8080 SRS_RTMP=HOST:1935 unless these say otherwise
# shellcheck source=util/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=util/nginx.sh
. "$(dirname "$0")/nginx.sh"

: "${HTTP_PORT:=8080}" "${RTMP_PORT:=1935}" "${LISTEN:=127.0.0.1}"
: "${RUN_DIR:=run}" "${WORKERS:=auto}"
: "${DATABASE_URL:=}" "${REDIS_ADDR:=}" "${REDIS_PASSWORD:=}" "${SRS_UPSTREAM:=}"
: "${SRS_HTTP:=}" "${SRS_RTMP:=}" "${JWT_SECRET:=}" "${RATE_LIMIT:=}"

for name in HTTP_PORT RTMP_PORT; do
    [[ ${!name} =~ ^[0-9]+$ && ${!name} -ge 1 && ${!name} -le 65535 ]] ||
        die "run: $name=${!name} is no port: write a number, 1 to 65535"
done
[[ $WORKERS =~ ^(auto|[1-9][0-9]*)$ ]] ||
    die "run: WORKERS=$WORKERS: write auto or a number"
case $RATE_LIMIT in
    '' | on | off) ;;
    *) die "run: RATE_LIMIT=$RATE_LIMIT: write on or off" ;;
esac

# Where SRS has what. On this machine our own ports are taken: SRS gets others,
# and is told them by the line that says how to start it.
srs_local=
if [ -n "$SRS_UPSTREAM" ]; then
    [[ $SRS_UPSTREAM == *:* ]] || SRS_UPSTREAM=$SRS_UPSTREAM:1985
    [[ $SRS_UPSTREAM =~ ^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]+$ ]] ||
        die "run: SRS_UPSTREAM=$SRS_UPSTREAM: write HOST:PORT of its API," \
            "such as 127.0.0.1:1985"
    SRS_UPSTREAM=${SRS_UPSTREAM/#localhost:/127.0.0.1:}
    srs_host=${SRS_UPSTREAM%:*}
    case $srs_host in
        127.* | '[::1]') srs_local=yes ;;
    esac
    if [ -n "$srs_local" ] && [ "$HTTP_PORT" = 8080 ]; then
        : "${SRS_HTTP:=$srs_host:18080}"
    fi
    if [ -n "$srs_local" ] && [ "$RTMP_PORT" = 1935 ]; then
        : "${SRS_RTMP:=$srs_host:19350}"
    fi
    : "${SRS_HTTP:=$srs_host:8080}" "${SRS_RTMP:=$srs_host:1935}"
    if [ -z "$srs_local" ] && [[ $LISTEN == 127.* ]]; then
        die "run: the SRS on $srs_host cannot ask Keystone at $LISTEN who may" \
            "publish: add LISTEN=0.0.0.0, or the address it reaches us at"
    fi
fi

cd "$ROOT"
util/setup.sh run
util/module.sh system 2> >(grep -v '^module: nginx .*objs$' >&2)
make -s --no-print-directory -j"$(nproc)" -C libkeystone tools
nginx_variant system
[ -n "$ngx_rtmp" ] || die "run: no ngx_rtmp_module.so: install libnginx-mod-rtmp"
objs=$ngx_dir/objs

mkdir -p "$RUN_DIR"
chmod 700 "$RUN_DIR"
run=$(cd "$RUN_DIR" && pwd)

# " by nginx, pid 12" of who listens there; nothing when /proc does not tell.
port_user() { # PORT
    local inode pid
    inode=$(awk -v port="$(printf ':%04X' "$1")" '
        $4 == "0A" && substr($2, length($2) - 4) == port { print $10; exit }' \
        /proc/net/tcp /proc/net/tcp6 2> /dev/null) || true
    [ -n "$inode" ] || return 0
    pid=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" 2> /dev/null |
        sed -n '1s|/proc/\([0-9]*\)/.*|\1|p') || true
    [ -z "$pid" ] || echo " by $(cat "/proc/$pid/comm"), pid $pid"
}

# One line when a port is taken, with the variable to change.
check_port() { # VARIABLE PORT
    perl -MIO::Socket::INET -e 'exit(IO::Socket::INET->new(
        LocalAddr => $ARGV[0], LocalPort => $ARGV[1], Listen => 1,
        ReuseAddr => 1) ? 0 : 1)' "$LISTEN" "$2" ||
        die "run: port $2 of $LISTEN is taken$(port_user "$2"):" \
            "choose another: make run $1=$(($2 + 1))"
}
[ "$HTTP_PORT" != "$RTMP_PORT" ] ||
    die "run: HTTP_PORT and RTMP_PORT are both $HTTP_PORT: they must differ"
check_port HTTP_PORT "$HTTP_PORT"
check_port RTMP_PORT "$RTMP_PORT"

umask 077
random_hex() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }

# The secret of this checkout, unless the caller brings one.
if [ -n "$JWT_SECRET" ]; then
    secret=env:JWT_SECRET
    export JWT_SECRET
else
    secret=file:$run/jwt_secret
    [ -s "$run/jwt_secret" ] || random_hex 32 > "$run/jwt_secret"
fi

if [ -n "$SRS_UPSTREAM" ]; then
    [ -s "$run/hook_secret" ] || random_hex 24 > "$run/hook_secret"
    mkdir -p "$run/srs" # a place for SRS to live in
fi

if [ -n "$DATABASE_URL" ]; then
    store=env:DATABASE_URL
    store_url=$DATABASE_URL
    export DATABASE_URL
else
    store_url=sqlite:$run/keystone.db
    store=$store_url
fi

# A demo owner and stream, once for each run directory and database.
demo=$run/demo
[ -z "$DATABASE_URL" ] ||
    demo=$run/demo-$(printf '%s' "$store_url" | cksum | cut -d ' ' -f 1)
# It reads DATABASE_URL: what is a word of a command, all users see in ps.
ctl() { DATABASE_URL=$store_url "$BUILD/keystonectl" "$@"; }
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$demo.json" | head -n 1; }

first_start=
# Who removes the database removes them, too.
[ -n "$DATABASE_URL" ] || [ -f "$run/keystone.db" ] ||
    rm -f "$demo.json" "$demo.user"
ctl migrate > /dev/null || die "run: the store could not be set up, see above"
if [ ! -s "$demo.json" ]; then
    first_start=yes
    email=demo@keystone.localhost
    [ -s "$run/demo_password" ] || random_hex 12 > "$run/demo_password"
    if [ ! -s "$demo.user" ]; then
        ctl user create --email "$email" --name Demo --admin \
            --password-stdin < "$run/demo_password" > "$demo.user" ||
            { rm -f "$demo.user"; die "run: no demo owner, see above;" \
                "one of another checkout? Name a database of this one"; }
    fi
    ctl stream create --owner "$email" --title 'Demo stream' \
        --visibility public --json > "$demo.json.part" ||
        die "run: no demo stream, see above"
    mv "$demo.json.part" "$demo.json"
fi
stream=$(field id)
key=$(field stream_key)

# nginx.conf and the page, written anew at each start.
mkdir -p "$run/media/live" "$run/www" "$run/tmp"
# Listening everywhere, the addresses shown are those of this host.
host=$LISTEN
[ "$LISTEN" != 0.0.0.0 ] || host=$(hostname -I 2> /dev/null | awk '{ print $1 }')
base=http://${host:=127.0.0.1}:$HTTP_PORT
rtmp_base=rtmp://$host:$RTMP_PORT/live
cp web/*.* "$run/www/"
hls_js
[ ! -f "$DEPS/hls.min.js" ] || cp "$DEPS/hls.min.js" "$run/www/"
sed -i "s|<meta name=\"keystone-rtmp\" content=\"[^\"]*\">|<meta name=\"keystone-rtmp\" content=\"$rtmp_base\">|" \
    "$run"/www/*.html

# As root the workers stay root: a checkout in /root is closed to others.
user=
[ "$(id -u)" -ne 0 ] || user='user root;'

{
    cat << END
# Written by util/run.sh at each start: change that, not this.
load_module $ngx_rtmp;
load_module $objs/ngx_keystone_module.so;
load_module $objs/ngx_rtmp_keystone_module.so;

$user
daemon off;
worker_processes $WORKERS;
worker_rlimit_nofile 16384;
pid $run/nginx.pid;
error_log stderr warn;

events {
    worker_connections 4096;
}

keystone {
    store         $store;
    zone          keystone:32m;
    jwt_secret    $secret;
    edge_base_url $base;
    hls_base_url  $base;
    rtmp_base_url $rtmp_base;
END
    [ -z "$REDIS_ADDR" ] ||
        echo '    redis         env:REDIS_ADDR password=env:REDIS_PASSWORD;'
    [ -z "$SRS_UPSTREAM" ] || cat << END
    srs_node      srs api=$SRS_UPSTREAM http=$SRS_HTTP rtmp=$SRS_RTMP;
    hook_secret   file:$run/hook_secret;
END
    [ "$RATE_LIMIT" != off ] || echo '    rate_limit    off;'
    cat << END
}

http {
    include      /etc/nginx/mime.types;
    default_type application/octet-stream;

    client_body_temp_path $run/tmp/body;
    proxy_temp_path       $run/tmp/proxy;
    fastcgi_temp_path     $run/tmp/fastcgi;
    uwsgi_temp_path       $run/tmp/uwsgi;
    scgi_temp_path        $run/tmp/scgi;

    # \$uri, not \$request: a query may hold a token.
    log_format keystone '\$remote_addr [\$time_iso8601] \$request_method \$uri '
                        '\$status \$body_bytes_sent \$request_time '
                        'id=\$keystone_request_id stream=\$keystone_stream '
                        'session=\$keystone_session user=\$keystone_user '
                        'decision=\$keystone_decision';
    access_log $run/access.log keystone;

END
    [ -z "$SRS_UPSTREAM" ] || cat << END
    # No keepalive: SRS names a client after its TCP connection.
    upstream srs      { server $SRS_UPSTREAM; }
    upstream srs_http { server $SRS_HTTP; }

    proxy_cache_path $run/tmp/live keys_zone=live:10m max_size=1g
                     inactive=2m use_temp_path=off;

END
    cat << END
    server {
        listen $LISTEN:$HTTP_PORT;

        location /api/ { keystone_api; }
        location = /healthz { keystone_health; }
        location = /readyz  { keystone_health; }
        location = /metrics { keystone_metrics; allow 127.0.0.1; deny all; }

END
    [ -n "$SRS_UPSTREAM" ] || cat << END
        location /live/ {
            keystone_gate hls;
            root $run/media;
            add_header Cache-Control no-cache;
        }

END
    # As in docs/deployment-srs.md.
    [ -z "$SRS_UPSTREAM" ] || cat << END
        proxy_set_header Host 127.0.0.1;
        proxy_set_header Authorization "";
        proxy_set_header Cookie "";
        proxy_set_header X-Forwarded-For \$remote_addr;
        proxy_connect_timeout 2s;

        location /rtc/v1/ {
            keystone_gate rtc;
            proxy_pass http://\$keystone_node\$keystone_upstream_uri;
            proxy_read_timeout 5s;
        }

        # All streams are on SRS, so are their files.
        location /live/ {
            keystone_gate hls;
            proxy_pass http://\${keystone_node}_http\$keystone_upstream_uri;
            proxy_cache live;
            proxy_cache_key \$keystone_node\$keystone_upstream_uri;
            proxy_cache_lock on;
            proxy_cache_valid 200 1m;
            proxy_cache_valid 404 1s;

            location ~ \.m3u8$ {
                proxy_pass http://\${keystone_node}_http\$keystone_upstream_uri;
                proxy_cache_valid 200 1s;
                proxy_cache_use_stale updating;
                add_header Cache-Control no-cache;
            }

            location ~ \.flv$ {
                proxy_pass http://\${keystone_node}_http\$keystone_upstream_uri;
                proxy_http_version 1.1;
                proxy_cache off;
                proxy_buffering off;
            }
        }

END
    cat << END
        location / { root $run/www; index index.html; }
    }
}

rtmp {
    access_log $run/rtmp.log;

    server {
        listen $LISTEN:$RTMP_PORT;

        application live {
            live on;
            keystone on;
END
    if [ -n "$SRS_UPSTREAM" ]; then
        echo '            keystone_relay on;'
    else
        cat << END
            hls on;
            hls_path $run/media/live;
            hls_fragment 2s;
            hls_playlist_length 20s;
END
    fi
    cat << END
        }
    }
}
END
} > "$run/nginx.conf"

export REDIS_ADDR REDIS_PASSWORD
nginx=("$ngx_binary" -p "$run" -c "$run/nginx.conf" -e stderr)
if ! test_output=$("${nginx[@]}" -t 2>&1); then
    printf '%s\n' "$test_output" >&2
    die "run: nginx refuses $run/nginx.conf, see above"
fi

"${nginx[@]}" &
pid=$!
# From a terminal nginx hears Ctrl-C itself; a signal to this script goes on.
trap ':' INT
trap 'kill -QUIT "$pid" 2> /dev/null' TERM HUP

answers() {
    (exec 3<> "/dev/tcp/$LISTEN/$HTTP_PORT") 2> /dev/null
}
for _ in $(seq 100); do
    ! answers || break
    kill -0 "$pid" 2> /dev/null || { wait "$pid"; exit 1; }
    sleep 0.05
done

cat << END

Keystone is up.

  page    $base/
  API     $base/api/v1
  publish ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 \\
            -c:v libx264 -preset veryfast -tune zerolatency -g 60 -pix_fmt yuv420p -c:a aac \\
            -f flv '$rtmp_base/$stream?key=$key'
  OBS     Settings, Stream, Custom: Server $rtmp_base
            Stream Key $stream?key=$key
  watch   $base/live/$stream.m3u8
END
if [ -n "$first_start" ]; then
    echo "  owner   demo@keystone.localhost, password $(cat "$run/demo_password")"
else
    echo "  owner   demo@keystone.localhost, password in ${run#"$ROOT"/}/demo_password"
fi
[ -z "$DATABASE_URL$REDIS_ADDR" ] ||
    echo "  state   ${DATABASE_URL:+PostgreSQL}${REDIS_ADDR:+${DATABASE_URL:+ and }Redis} as given"
# How srs/srs.conf is told all this; the secret stays in its file.
srs_start() {
    local secret=$run/hook_secret candidate=$srs_host
    if [ -n "$srs_local" ]; then
        candidate=$host
        printf '  SRS     cd %s && ' "$run/srs"
    else
        printf '  SRS     on %s, with a copy of %s:\n            ' "$srs_host" "$secret"
        secret=hook_secret
    fi
    printf 'HOOK_SECRET_FILE=%s HOOK_URL=%s/api/v1/hooks/srs \\\n' "$secret" "$base"
    printf '            SRS_SERVER_ID=srs SRS_HTTP_API_LISTEN=%s SRS_HTTP_SERVER_LISTEN=%s \\\n' \
        "$SRS_UPSTREAM" "$SRS_HTTP"
    printf '            SRS_LISTEN=%s CANDIDATE=%s %s /usr/local/srs/objs/srs\n' \
        "$SRS_RTMP" "$candidate" "${srs_local:+$ROOT/}srs/start"
}
[ -z "$SRS_UPSTREAM" ] || srs_start
printf '\nCtrl-C stops it. State is in %s/.\n\n' "${run#"$ROOT"/}"

# A signal ends wait early: wait again until nginx has gone.
code=0
while kill -0 "$pid" 2> /dev/null; do
    code=0
    wait "$pid" || code=$?
done
[ $code -lt 128 ] || code=0
[ $code -eq 0 ] || die "run: nginx ended with status $code"
echo "run: stopped."

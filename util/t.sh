#!/bin/bash
# Run the Test::Nginx tests: util/t.sh system|trixie|sid|all|asan|shared [FILE...]
# shared: Debian's nginx, with every store on a PostgreSQL and a Redis that this
# starts; the others use SQLite files.
# Files default to t/*.t. A variant whose nginx cannot be had is skipped.
# Reports of a sanitizer fail the run, from whichever process they come.
# shellcheck source=util/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=util/nginx.sh
. "$(dirname "$0")/nginx.sh"

names=("${1:-system}")
[ "${names[0]}" != all ] || names=(system trixie sid)
shift || true
cd "$ROOT"
shared=
if [ $# -gt 0 ]; then
    files=("$@")
else
    shopt -s nullglob
    files=(t/*.t)
fi
if [ ${#files[@]} -eq 0 ]; then
    say "t: no test in t/"
    exit 0
fi

# What a worker's sanitizer has to say goes to files, not to a lost stderr.
sanitizers_to() {
    export ASAN_OPTIONS="detect_odr_violation=0:log_path=$1/report"
    export UBSAN_OPTIONS="print_stacktrace=1:log_path=$1/report"
    export LSAN_OPTIONS="print_suppressions=0"
    LSAN_OPTIONS+=":suppressions=$ROOT/util/suppressions/lsan.supp"
}

# A thread of a pool that ends just while a worker looks for leaks crashes the
# tracer of gcc's LeakSanitizer, now and then: no report of ours, if it does not
# happen more often.
forgive_tracer() {
    local file crashed=()
    for file in "$1"/*; do
        if [ -f "$file" ] && grep -q '^Tracer caught signal' "$file" &&
            ! grep -qE 'ERROR: |runtime error: ' "$file"; then
            crashed+=("$file")
        fi
    done
    if [ ${#crashed[@]} -gt 0 ] && [ ${#crashed[@]} -le 2 ]; then
        say "t: LeakSanitizer itself crashed, ${#crashed[@]} of its looks lost"
        rm "${crashed[@]}"
    fi
}

make -s --no-print-directory -j"$(nproc)" -C libkeystone tools
make -s --no-print-directory -C t/tools BUILD="$BUILD"

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
failed=()
# One PostgreSQL and one Redis for all tests; each has its own database, made
# from a template with the schema, and its own prefix of keys.
start_shared() {
    shared=$(mktemp -d /tmp/keystone-t-XXXXXX)
    chmod 711 "$shared"
    local url
    url=$(util/private.sh postgres "$shared/p" 0 max_connections=400)
    export KEYSTONE_T_POSTGRES=${url/\/keystone\?//DATABASE?}
    KEYSTONE_T_REDIS=$(util/private.sh redis "$shared/r")
    export KEYSTONE_T_REDIS
    psql -Xq -c 'CREATE DATABASE keystone_t' "$url"
    "$BUILD/keystonectl" --store "${KEYSTONE_T_POSTGRES/DATABASE/keystone_t}" \
        migrate > /dev/null
}

stop_shared() {
    util/private.sh stop "$shared/p"
    util/private.sh stop "$shared/r"
    rm -rf "$shared"
}

if [ "${names[0]}" = shared ]; then
    trap 'stop_shared; rm -rf "$reports"' EXIT
    start_shared
    names=(system)
fi

for name in "${names[@]}"; do
    if ! nginx_variant "$name"; then
        [ "$name" != system ] || exit 1
        continue
    fi
    util/module.sh "$name" || { failed+=("$name"); continue; }
    say "t: nginx $ngx_version ($name)"
    export TEST_NGINX_BINARY=$ngx_binary KEYSTONE_OBJS=$ngx_dir/objs
    export KEYSTONE_RTMP_MODULE=$ngx_rtmp KEYSTONE_CTL=$BUILD/keystonectl
    [ "$name" != asan ] || sanitizers_to "$reports"
    # What fails there (t/72x) is not nginx: once, and under sanitizers.
    run=("${files[@]}")
    if [ $# -eq 0 ] && { [ -n "$shared" ] || [[ $name =~ trixie|sid ]]; }; then
        run=()
        for file in "${files[@]}"; do
            [[ $file == t/72* ]] || run+=("$file")
        done
    fi
    # Most of a test is waiting, so there are more of them than processors.
    jobs=$(($(nproc) * 3))
    [ "$name" != asan ] || jobs=$(($(nproc) + 2))
    # What nginx says of a bad configuration is what such a test looks at.
    prove -I "$DEPS/test-nginx" -I t/lib -j "${JOBS:-$jobs}" \
        "${run[@]}" 2> >(grep -vE '^WARNING: t/.*\[emerg\]' \
            >&2) || failed+=("$name")
    forgive_tracer "$reports"
    if [ -n "$(find "$reports" -type f -size +0)" ]; then
        head -c 20000 "$reports"/*
        say "t: a sanitizer reported, see above"
        failed+=("$name (sanitizer)")
    fi
done
if [ ${#failed[@]} -gt 0 ]; then
    die "t: failed on: ${failed[*]}"
fi

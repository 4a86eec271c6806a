#!/bin/bash
# Run the Test::Nginx tests: util/t.sh system|trixie|sid|all|asan [FILE...]
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

make -s --no-print-directory -j"$(nproc)" -C libkeystone tools
make -s --no-print-directory -C t/tools BUILD="$BUILD"

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
failed=()
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
    # Most of a test is waiting, so there are more of them than processors.
    # What nginx says of a bad configuration is what such a test looks at.
    prove -I "$DEPS/test-nginx" -I t/lib -j "${JOBS:-$(($(nproc) + 2))}" \
        "${files[@]}" 2> >(grep -vE '^WARNING: t/.*\[emerg\]' \
            >&2) || failed+=("$name")
    if [ -n "$(find "$reports" -type f -size +0)" ]; then
        head -c 20000 "$reports"/*
        say "t: a sanitizer reported, see above"
        failed+=("$name (sanitizer)")
    fi
done
if [ ${#failed[@]} -gt 0 ]; then
    die "t: failed on: ${failed[*]}"
fi

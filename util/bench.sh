#!/bin/bash
# Keystone against plain nginx, as ratios: util/bench.sh (make bench)
# From the environment:
#   BENCH_ROUNDS=5    counted rounds of each row, plain and ours in turn
#   BENCH_SECONDS=2   of each measurement
#   BENCH_BURST=2000  requests of a measurement that counts them
#   BENCH_ROWS=regex  only these: authorize whip whip-refused whep hls get-stream
#                     list-streams rtmp rtmp-lone argon2 memory start
#   BENCH_NO_FAIL=1   a missed budget is not a failure
# shellcheck source=util/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=util/nginx.sh
. "$(dirname "$0")/nginx.sh"

cd "$ROOT"
nginx_variant system
[ -n "$ngx_rtmp" ] ||
    die "bench: no ngx_rtmp_module.so: install libnginx-mod-rtmp"
[ -f "$ngx_dir/objs/ngx_rtmp_keystone_module.so" ] ||
    die "bench: the modules are not built: make module"
make -s -C t/tools BUILD="$BUILD"

missed=0
if [ -z "${BENCH_ROWS:-}" ] || [[ authorize =~ $BENCH_ROWS ]]; then
    make -s --no-print-directory -C libkeystone bench
    for program in "$BUILD"/bench/*_bench; do
        "$program" || missed=1
    done
fi

# Connections by the hundred, on both sides.
ulimit -n 16384 2> /dev/null || ulimit -n "$(ulimit -Hn)"

export BUILD OBJS=$ngx_dir/objs NGINX_BINARY=$ngx_binary RTMP_MODULE=$ngx_rtmp
perl t/tools/bench/run.pl || missed=1
[ -n "${BENCH_NO_FAIL:-}" ] || exit "$missed"

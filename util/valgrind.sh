#!/bin/bash
# The unit tests and t/ under valgrind's memcheck: util/valgrind.sh [FILE...]
# Reports of nginx's workers go to files; any that is not empty fails the run.
# shellcheck source=util/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

suppressions=$ROOT/util/suppressions/valgrind.suppress
options="--leak-check=full --errors-for-leak-kinds=definite --quiet"
options+=" --error-exitcode=77 --suppressions=$suppressions"

failed=()
make --no-print-directory -j"$(nproc)" -C libkeystone tests
mapfile -t programs < <(find "$BUILD/tests" -type f -name '*_test' | sort)
util/run-units.sh -t 300 -b "$BUILD/tests" -w "valgrind $options" \
    "${programs[@]}" || failed+=(unit)

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
# Everything takes some ten times as long.
TEST_NGINX_TIMEOUT=30 JOBS=1 \
    TEST_NGINX_USE_VALGRIND="$options --trace-children=yes --log-file=$reports/%p.log" \
    util/t.sh system "$@" || failed+=(t)
if [ -n "$(find "$reports" -type f -size +0)" ]; then
    cat "$reports"/*
    failed+=('t: reports')
fi
[ ${#failed[@]} -eq 0 ] || die "valgrind: failed: ${failed[*]}"
say "valgrind: clean"

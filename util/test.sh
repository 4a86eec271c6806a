#!/bin/bash
# All tests, each step with its time; goes on after a failure and says at the
# end what failed: util/test.sh
#
# It takes half an hour on two processors, so nothing twice: the unit tests run
# under sanitizers, what the compiler makes of the core with -O2 is tested by t
# and e2e (and by `make unit`); of nginx the oldest and the newest (all: `make t
# NGINX=all`).
# shellcheck source=util/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"

results=() failed=()
step() { # NAME COMMAND...
    local name=$1 start=$SECONDS verdict=ok
    shift
    printf '\n== %s\n' "$name"
    "$@" || { verdict=FAILED; failed+=("$name"); }
    results+=("$(printf '%-28s %-7s %4d s' "$name" $verdict \
        $((SECONDS - start)))")
}

# Lines are enough to find what crashed, and a quarter quicker to build.
export KS_DEBUG=-g1

core() { make --no-print-directory -j"$(nproc)" -C libkeystone "$@"; }

step 'set-up' util/setup.sh lint unit t e2e
step 'unit (ASan, UBSan)' core unit BUILD="$BUILD/asan" \
    SANITIZE=address,undefined
step 'lint' util/lint.sh
step 't (oldest nginx)' util/t.sh system
step 't (newest nginx)' util/t.sh sid
step 't (PostgreSQL, Redis)' util/t.sh shared
step 't (ASan, UBSan)' util/t.sh asan
step 'e2e' t/e2e/run

printf '\n'
printf '%s\n' "${results[@]}"
[ ${#failed[@]} -eq 0 ] || die "test: failed: ${failed[*]}"
echo "test: all passed in $((SECONDS / 60)) min $((SECONDS % 60)) s"

#!/bin/bash
# Run unit test executables, a few at once, and sum up: util/run-units.sh
#   -t SECONDS   limit for each (default 60)
#   -b DIR       prefix left out of the printed names
#   -w COMMAND   run each under this (valgrind ...)
# A test's own output is shown when it fails. TMPDIR of each is a directory of
# its own that goes away afterwards. JOBS=1: one by one.
set -u

limit=60 base='' wrapper=()
while getopts t:b:w: option; do
    case $option in
        t) limit=$OPTARG ;;
        b) base=$OPTARG/ ;;
        w) read -ra wrapper <<< "$OPTARG" ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))

if [ $# -eq 0 ]; then
    echo "unit: no test found (TESTS= names none?)" >&2
    exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Its verdict is a line in $scratch/verdicts: COUNT NAME, -1 if it failed.
run() {
    local program=$1 name=${1#"$base"} here out code count why
    here=$(mktemp -d "$scratch/XXXXXX")
    out=$here/out
    mkdir "$here/tmp"
    TMPDIR=$here/tmp timeout -k 5 "$limit" "${wrapper[@]}" "$program" \
        > "$out" 2>&1 < /dev/null
    code=$?
    count=$(sed -n 's/^\[ *PASSED *\] \([0-9]*\) test.*/\1/p' "$out" |
            awk '{ n += $1 } END { print n + 0 }')
    if [ $code -eq 0 ] && [ "$count" -gt 0 ]; then
        printf 'ok    %-32s %3d tests\n' "$name" "$count"
    else
        case $code in
            0) why="says no test passed" ;;
            124 | 137) why="still running after $limit s" ;;
            *) why="exit status $code" ;;
        esac
        count=-1
        printf '%s\nFAIL  %-32s %s\n' "$(cat "$out")" "$name" "$why"
    fi
    rm -rf "$here"
    echo "$count $name" >> "$scratch/verdicts"
}

# Most of a test is waiting, so there are more of them than processors.
jobs=${JOBS:-$(($(nproc) * 2))}
for program in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
        wait -n
    done
    run "$program" &
done
wait

failed=$(awk '$1 < 0 { printf " %s", $2 }' "$scratch/verdicts")
ran=$(wc -l < "$scratch/verdicts")
if [ "$ran" -ne $# ]; then
    echo "unit: only $ran of $# programs ran"
    exit 1
fi
if [ -n "$failed" ]; then
    echo "unit: $(wc -w <<< "$failed") of $# programs failed:$failed"
    exit 1
fi
awk -v programs=$# '{ n += $1 }
    END { print "unit: " n " tests in " programs " programs passed" }' \
    "$scratch/verdicts"

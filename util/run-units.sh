#!/bin/bash
# Run unit test executables one by one and sum up: util/run-units.sh
#   -t SECONDS   limit for each (default 60)
#   -b DIR       prefix left out of the printed names
#   -w COMMAND   run each under this (valgrind ...)
# A test's own output is shown when it fails. TMPDIR of each is a directory of
# its own that goes away afterwards.
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
failed=() total=0

for program in "$@"; do
    name=${program#"$base"}
    mkdir -p "$scratch/tmp"
    TMPDIR=$scratch/tmp timeout -k 5 "$limit" "${wrapper[@]}" "$program" \
        > "$scratch/out" 2>&1 < /dev/null
    code=$?
    rm -rf "$scratch/tmp"
    count=$(sed -n 's/^\[ *PASSED *\] \([0-9]*\) test.*/\1/p' "$scratch/out" |
            awk '{ n += $1 } END { print n + 0 }')
    if [ $code -eq 0 ] && [ "$count" -gt 0 ]; then
        total=$((total + count))
        printf 'ok    %-32s %3d tests\n' "$name" "$count"
        continue
    fi
    failed+=("$name")
    cat "$scratch/out"
    case $code in
        0) why="says no test passed" ;;
        124 | 137) why="still running after $limit s" ;;
        *) why="exit status $code" ;;
    esac
    printf 'FAIL  %-32s %s\n' "$name" "$why"
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "unit: ${#failed[@]} of $# programs failed: ${failed[*]}"
    exit 1
fi
echo "unit: $total tests in $# programs passed"

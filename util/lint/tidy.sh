#!/bin/bash
# clang-tidy over the C++ core without its tests: tidy.sh [FILE...]; clang's own
# warnings, which see what gcc does not, are errors of it. What passed is not
# looked at again until it, a header or the profile changes.
# shellcheck source=util/common.sh
. "$(dirname "$0")/../common.sh"

cd "$ROOT"
if [ $# -eq 0 ]; then
    shopt -s nullglob
    set -- libkeystone/src/*/*.cc libkeystone/{tools,bench}/*.cc
fi

passed=$BUILD/lint/tidy
mkdir -p "$passed"
common=$(cat .clang-tidy libkeystone/src/*/*.h libkeystone/include/*.h |
    sha256sum)
gen=$BUILD/gen
pq=$(pkg-config --variable=includedir libpq)
export common passed gen pq

check_one() {
    local key out
    key=$(printf '%s' "$common" | cat - "$1" | sha256sum | cut -c 1-32)
    [ ! -f "$passed/$key" ] || return 0
    if out=$(clang-tidy-19 --quiet "$1" -- -std=c++20 -Ilibkeystone/src \
        -Ilibkeystone/include -I"$gen" -I"$pq" \
        -DKS_VERSION='""' -Wall -Wextra -Wshadow -Wsuggest-override \
        -Wzero-as-null-pointer-constant -Werror 2>&1); then
        touch "$passed/$key"
        return 0
    fi
    # Its count of suppressed warnings is no finding.
    printf '%s\n' "$out" | grep -vE '^[0-9]+ warnings? (generated|treated)'
    return 1
}
export -f check_one

printf '%s\n' "$@" |
    xargs -P "$(nproc)" -I '{}' bash -c 'check_one "$1"' tidy '{}'

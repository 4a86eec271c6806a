#!/bin/bash
# All static checks, or those named: util/lint.sh [NAME...]
#   format   clang-format of the C++ core
#   tidy     clang-tidy of the C++ core
#   rooms    who includes whom
#   await    the co_await rule
#   text     ends of lines, tabs
#   shell    shellcheck of the scripts
#   symbols  what the modules export (builds them)
#   self     each of these finds its bad sample
# shellcheck source=util/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"
shopt -s nullglob

# Tracked files and new ones, without what is recorded from elsewhere.
ours() {
    git ls-files -co --exclude-standard -- "$@" 2> /dev/null |
        grep -vE '^(t/captures/|libkeystone/tests/data/|web/package-lock)' |
        while read -r file; do [ ! -f "$file" ] || echo "$file"; done
}

cxx_files() { ours 'libkeystone/*.cc' 'libkeystone/src/*.h' 'libkeystone/tests/*.h'; }

shell_files() {
    ours '*.sh'
    ours ':!*.sh' |
        xargs awk 'FNR == 1 && /^#!\/bin\/(ba)?sh/ { print FILENAME }'
}

lint_format() { cxx_files | xargs clang-format-19 --dry-run -Werror; }

lint_tidy() { make -s -C libkeystone "$BUILD/gen/migrations.inc"; util/lint/tidy.sh; }

lint_rooms() { util/lint/rooms.pl .; }

lint_await() { cxx_files | xargs util/lint/await.pl; }

lint_text() {
    ours '*.c' '*.h' '*.cc' '*.pl' '*.pm' '*.t' '*.sh' '*.js' '*.mjs' \
        '*.html' '*.css' '*.md' '*.sql' '*Makefile' '*.conf' '*.example' \
        config config.make .ci/run '.*' | xargs util/lint/text.pl
}

lint_shell() { shell_files | xargs shellcheck -x -P util; }

lint_symbols() {
    util/module.sh system > /dev/null
    util/lint/symbols.sh "$BUILD/nginx/system/objs"
}

lint_self() { util/lint/selftest.sh; }

names=("$@")
[ $# -gt 0 ] || names=(self text shell rooms await format symbols tidy)
bad=()
for name in "${names[@]}"; do
    [ "$(type -t "lint_$name")" = function ] || die "lint: no check '$name'"
    start=$SECONDS
    if (set -e; "lint_$name"); then
        printf 'lint: %-8s ok (%d s)\n' "$name" $((SECONDS - start))
    else
        printf 'lint: %-8s FAILED\n' "$name"
        bad+=("$name")
    fi
done
[ ${#bad[@]} -eq 0 ] || die "lint: failed: ${bad[*]}"

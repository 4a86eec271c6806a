#!/bin/sh
# Write SQL files as C++ initialisers, one {"name", R"sql(text)sql"}, each.
set -eu

for file in "$@"; do
    if grep -q ')sql"' "$file"; then
        echo "embed-sql: $file has the text )sql\" in it: write it otherwise" >&2
        exit 1
    fi
    printf '{"%s", R"sql(' "$(basename "$file" .sql)"
    cat "$file"
    printf ')sql"},\n'
done

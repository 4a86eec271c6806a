#!/bin/bash
# Each check finds a bad sample and passes a good one, so that none of them is
# silent by mistake.
# shellcheck source=util/common.sh
. "$(dirname "$0")/../common.sh"

here=$ROOT/util/lint
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# finds NAME TEXT COMMAND...: it fails and says TEXT.
finds() {
    local name=$1 text=$2 out
    shift 2
    if out=$("$@" 2>&1); then
        echo "selftest: $name: passed what is wrong"
        bad=1
    elif ! grep -qF -- "$text" <<< "$out"; then
        echo "selftest: $name: did not say '$text' but: $out"
        bad=1
    fi
}

passes() {
    local name=$1 out
    shift
    if ! out=$("$@" 2>&1); then
        echo "selftest: $name: refused what is right: $out"
        bad=1
    fi
}

# rooms
room() { # FILE LINE: a tree with this one line in this file
    rm -rf "$work/tree"
    mkdir -p "$work/tree/$(dirname "$1")"
    printf '%s\n' "$2" > "$work/tree/$1"
}
room libkeystone/src/base/x.h '#include "rt/task.h"'
finds rooms 'base must not include rt/task.h' "$here/rooms.pl" "$work/tree"
room libkeystone/src/gate/x.cc '#include "sql/database.h"'
finds rooms 'gate must not include sql' "$here/rooms.pl" "$work/tree"
room libkeystone/src/abi/x.cc '#include <ngx_core.h>'
finds rooms 'no nginx in libkeystone' "$here/rooms.pl" "$work/tree"
room libkeystone/src/store/x.cc '#include <sqlite3.h>'
finds rooms 'belongs to sql' "$here/rooms.pl" "$work/tree"
room libkeystone/src/api/x.cc 'auto q = "SELECT id FROM users";'
finds rooms 'SQL (SELECT ) outside store' "$here/rooms.pl" "$work/tree"
room ngx_keystone_module/x.c '#include "gate/authorize.h"'
finds rooms 'keystone.h only' "$here/rooms.pl" "$work/tree"
room libkeystone/src/store/x.cc 'auto q = "SELECT id FROM users";'
passes rooms "$here/rooms.pl" "$work/tree"

# await
sample() { printf '%s\n' "$1" > "$work/x.cc"; }
while IFS='|' read -r text line; do
    sample "Task<int> f() { $line }"
    finds await "$text" "$here/await.pl" "$work/x.cc"
done << 'END'
with braces|auto x = co_await g(Args{a, b});
with braces|co_await g({1, 2});
with a lambda|co_await g([a] { return a; });
with ?:|auto x = co_await g(a ? b : c);
behind|auto x = a ? co_await g() : T();
behind|auto x = ok && co_await g();
inside another|h(co_await g());
inside another|auto x = (co_await g()).value();
with operator|auto x = co_await g() == 3;
twice|auto x = co_await g(co_await h());
behind|return co_await g();
END
while read -r line; do
    sample "Task<int> f() { int a; $line }"
    passes await "$here/await.pl" "$work/x.cc"
done << 'END'
co_await g(a, b[1], std::move(c));
auto x = co_await g<Row<int>>(a->b(), "a ? { b", 'c');
auto [x, y] = co_await ns::g(a);
x = co_await g(); // co_await g({})
co_return co_await g(a);
if (auto x = co_await g(a); !x) { co_return 1; }
if (a) co_await g();
for (auto &x : list) { auto y = co_await g(x); }
END

# text
printf 'int a;\t\n' > "$work/x.c"
finds text 'blanks at the end' "$here/text.pl" "$work/x.c"
printf '\tint a;\n' > "$work/x.c"
finds text 'tab' "$here/text.pl" "$work/x.c"
printf 'int a;' > "$work/x.c"
finds text 'no newline' "$here/text.pl" "$work/x.c"
printf 'int a;\r\n' > "$work/x.c"
finds text 'carriage return' "$here/text.pl" "$work/x.c"
printf 'int a;\n' > "$work/x.c"
passes text "$here/text.pl" "$work/x.c"

# format
cp "$ROOT/.clang-format" "$work/"
printf 'int   a;\n' > "$work/x.cc"
finds format 'clang-format' clang-format-19 --dry-run -Werror "$work/x.cc"
printf 'int a;\n' > "$work/x.cc"
passes format clang-format-19 --dry-run -Werror "$work/x.cc"

# tidy
cp "$ROOT/.clang-tidy" "$work/"
cat > "$work/x.cc" << 'END'
#include <string>
#include <utility>
auto f(std::string s) { auto t = std::move(s); return t + s; }
END
finds tidy 'bugprone-use-after-move' \
    clang-tidy-19 --quiet "$work/x.cc" -- -std=c++20

# shell
printf '#!/bin/sh\nrm $1\n' > "$work/x.sh"
finds shell 'SC2086' shellcheck "$work/x.sh"

# symbols
link() { # NAME CODE FLAG...
    local name=$1 code=$2
    shift 2
    printf '%s\n' "$code" > "$work/x.c"
    gcc -shared -fPIC -o "$work/$name" "$@" "$work/x.c"
}
tables='int ngx_modules, ngx_module_names, ngx_module_order;'
link ngx_keystone_module.so "$tables int ks_a, ngx_keystone_b;" -Wl,-z,nodelete
passes symbols "$here/symbols.sh" "$work"
link ngx_rtmp_keystone_module.so \
    "$tables extern int ks_c; int *ngx_rtmp_keystone_x = &ks_c;" \
    -Wl,-z,nodelete
finds symbols 'needs ks_c' "$here/symbols.sh" "$work"
rm "$work/ngx_rtmp_keystone_module.so"
link ngx_keystone_module.so "$tables int leaked;" -Wl,-z,nodelete
finds symbols 'exports leaked' "$here/symbols.sh" "$work"
link ngx_keystone_module.so "int ngx_modules, ngx_module_names;" \
    -Wl,-z,nodelete
finds symbols 'lacks ngx_module_order' "$here/symbols.sh" "$work"
link ngx_keystone_module.so "$tables"
finds symbols 'nodelete' "$here/symbols.sh" "$work"

exit $bad

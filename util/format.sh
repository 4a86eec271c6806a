#!/bin/bash
# Lay out the C++ core by .clang-format.
# shellcheck source=util/common.sh
. "$(dirname "$0")/common.sh"
cd "$ROOT"
find libkeystone/{src,tests,tools,bench} \( -name '*.cc' -o -name '*.h' \) \
    -not -path '*/data/*' -print0 2> /dev/null | xargs -0 clang-format-19 -i

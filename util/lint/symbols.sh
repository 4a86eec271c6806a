#!/bin/bash
# What the two modules show to the nginx process: symbols.sh DIRECTORY
# (of ngx_keystone_module.so and ngx_rtmp_keystone_module.so).
set -euo pipefail

bad=0
complain() { echo "$1"; bad=1; }

exported() { nm -D --defined-only "$1" | awk '{ print $3 }' | sed 's/@.*//'; }

check() { # FILE PATTERN
    local symbol
    for symbol in $(exported "$1" | grep -vE "$2" || true); do
        complain "${1##*/}: exports $symbol (see libkeystone/keystone.map)"
    done
    for symbol in ngx_modules ngx_module_names ngx_module_order; do
        exported "$1" | grep -qx "$symbol" ||
            complain "${1##*/}: lacks $symbol: nginx cannot load it"
    done
    readelf -d "$1" | grep -q NODELETE ||
        complain "${1##*/}: not linked with -z nodelete"
}

tables='^ngx_module(s|_names|_order)$'
first=$1/ngx_keystone_module.so second=$1/ngx_rtmp_keystone_module.so

check "$first" "$tables|^ks_[a-z0-9_]+$|^ngx_keystone_[a-z0-9_]+$"
if [ -f "$second" ]; then
    check "$second" "$tables|^ngx_rtmp_keystone_[a-z0-9_]+$"
    # What it takes from the core must be there.
    for symbol in $(nm -D --undefined-only "$second" | awk '{ print $2 }' |
        grep -E '^(ks_|ngx_keystone_)' || true); do
        exported "$first" | grep -qx "$symbol" ||
            complain "${second##*/}: needs $symbol," \
                "which ${first##*/} does not export"
    done
fi
exit $bad

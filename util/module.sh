#!/bin/bash
# Build the modules: util/module.sh system|trixie|sid|asan|all
# Results: build/nginx/NAME/objs/ngx_keystone_module.so and
# ngx_rtmp_keystone_module.so. nginx's configure runs once for each nginx and
# again when config or the list of sources changes; after that only what
# changed is compiled.
# shellcheck source=util/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=util/nginx.sh
. "$(dirname "$0")/nginx.sh"

build() {
    local objs=$ngx_dir/objs stamp cc flags ld
    local core=$BUILD core_sanitize=

    cc='-O2 -g -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2'
    ld='-Wl,-z,relro -Wl,-z,now'
    if [ "$ngx_name" = asan ]; then
        cc="$nginx_asan_cc -fPIC -fsanitize=undefined"
        cc+=' -fno-sanitize-recover=undefined'
        ld='-fsanitize=address,undefined'
        core=$BUILD/asan
        core_sanitize=address,undefined
        flags=("${nginx_asan_flags[@]}")
    else
        # shellcheck disable=SC1091
        . "$ngx_source/conf_flags"
        flags=("${NGX_CONF_FLAGS[@]}")
    fi

    stamp=$(
        echo "$ngx_version ${flags[*]} $cc $ld"
        echo "$ROOT"/ngx_keystone_module/*.[ch]
        ls "$DEPS/nginx-rtmp/ngx_rtmp.h" 2> /dev/null
        cat "$ROOT/config" "$ROOT/config.make"
        cksum "$ngx_source"/auto/make
    )
    if [ "$stamp" != "$(cat "$ngx_dir/configured" 2> /dev/null)" ]; then
        say "module: configuring for nginx $ngx_version ($ngx_name)"
        rm -f "$ngx_dir/configured"
        # With --builddir nothing is written beside the sources.
        (cd "$ngx_source" &&
            NGX_RTMP_SRC=$DEPS/nginx-rtmp KEYSTONE_BUILD=$core \
                KEYSTONE_SANITIZE=$core_sanitize \
                ./configure "${flags[@]}" --builddir="$objs" \
                --with-cc-opt="$cc" --with-ld-opt="$ld" \
                --add-dynamic-module="$ROOT" > "$ngx_dir/configure.log" 2>&1
        ) || { tail -n 15 "$ngx_dir/configure.log" >&2; return 1; }
        grep -A 1 'left out' "$ngx_dir/configure.log" >&2 || true
        printf '%s\n' "$stamp" > "$ngx_dir/configured"
    fi

    KEYSTONE_SANITIZE=$core_sanitize make -s --no-print-directory \
        -j"$(nproc)" -f "$objs/Makefile" -C "$ngx_source" modules || return 1
}

names=("${1:-system}")
[ "${names[0]}" != all ] || names=(system trixie sid)

for name in "${names[@]}"; do
    if locked "$BUILD/nginx/$name" nginx_variant "$name"; then
        locked "$ngx_dir" build || die "module: failed for nginx $ngx_version ($name)"
        say "module: nginx $ngx_version ($name): ${ngx_dir#"$ROOT"/}/objs"
    elif [ "$name" = system ]; then
        exit 1
    fi
done

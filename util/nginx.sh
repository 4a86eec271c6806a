# Sourced after common.sh: which nginx to build against and to run.
# shellcheck shell=bash disable=SC2034
#
# nginx_variant NAME sets, or says why not and returns 1:
#   ngx_name     system | trixie | sid | asan
#   ngx_dir      build/nginx/NAME, all its results
#   ngx_source   the directory with nginx's configure
#   ngx_binary   the nginx to run
#   ngx_rtmp     its ngx_rtmp_module.so, empty when there is none
#   ngx_version  1.22.1
#
# system  Debian's packages as installed
# trixie  Debian 13's packages, unpacked under build/deps; they need a newer C
#         library, so that nginx runs under its own loader and libraries
# sid     the same from Debian sid
# asan    nginx's own source of the running Debian's version, with
#         AddressSanitizer, and each pool allocation a malloc of its own

nginx_variant() {
    ngx_name=$1
    ngx_dir=$BUILD/nginx/$1
    mkdir -p "$ngx_dir"
    case $1 in
        system) nginx_system ;;
        trixie | sid) nginx_unpacked "$1" ;;
        asan) nginx_asan ;;
        *) die "nginx: no variant named $1: system, trixie, sid or asan" ;;
    esac
}

nginx_system() {
    ngx_source=/usr/share/nginx/src
    ngx_binary=/usr/sbin/nginx
    ngx_rtmp=/usr/lib/nginx/modules/ngx_rtmp_module.so
    [ -f "$ngx_rtmp" ] || ngx_rtmp=
    nginx_version
}

nginx_version() {
    ngx_version=$("$ngx_binary" -v 2>&1 | sed -n 's|.*nginx/\([0-9.]*\).*|\1|p')
    [ -n "$ngx_version" ] || {
        say "nginx $ngx_name: $ngx_binary does not run:"
        "$ngx_binary" -v >&2 || true
        return 1
    }
}

# Packages of another suite, unpacked once into build/deps/SUITE.
nginx_unpacked() {
    local suite=$1 root=$DEPS/$1 package
    # with what libpq5 needs
    local packages=(nginx nginx-dev libnginx-mod-rtmp libc6 libssl3t64
        libpcre2-8-0 zlib1g libcrypt1 libzstd1 libgcc-s1 libstdc++6
        libsqlite3-0 libjansson4 libargon2-1 libpq5 libldap2
        libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2
        libkeyutils1 libsasl2-2)
    if [ "$(cat "$root/complete" 2> /dev/null)" != "${packages[*]}" ]; then
        say "nginx $suite: fetching Debian $suite's nginx packages"
        rm -rf "$root"
        mkdir -p "$root/debs"
        for package in "${packages[@]}"; do
            if ! (cd "$root/debs" && apt_suite "$suite" download "$package") \
                2> "$root/why"; then
                [ "$package" != libnginx-mod-rtmp ] || continue
                say "nginx $suite: skipped: $package is not to be had:" \
                    "$(tail -n 1 "$root/why")"
                return 1
            fi
        done
        for package in "$root"/debs/*.deb; do
            dpkg-deb -x "$package" "$root/root"
        done
        echo "${packages[*]}" > "$root/complete"
    fi
    ngx_source=$root/root/usr/share/nginx/src
    ngx_binary=$root/root/usr/sbin/nginx
    ngx_rtmp=$root/root/usr/lib/nginx/modules/ngx_rtmp_module.so
    [ -f "$ngx_rtmp" ] || ngx_rtmp=
    nginx_loader "$root/root" || return 1
    nginx_version
}

# A wrapper that starts the unpacked nginx under its own loader.
nginx_loader() {
    local root=$1 loader
    loader=$(find "$root/usr/lib" "$root/lib" -name 'ld-linux*.so.*' \
        2> /dev/null | head -n 1)
    [ -n "$loader" ] || { say "nginx $ngx_name: no loader in libc6"; return 1; }
    cat > "$ngx_dir/nginx" << END
#!/bin/sh
exec $loader --library-path $(dirname "$loader"):$root/usr/lib --argv0 $ngx_dir/nginx $ngx_binary "\$@"
END
    chmod +x "$ngx_dir/nginx"
    ngx_binary=$ngx_dir/nginx
}

# nginx and nginx-rtmp from source with ASan; some 90 s, once.
nginx_asan() {
    local source=$DEPS/nginx-source objs=$ngx_dir/nginx
    nginx_system || return 1
    if [ ! -x "$objs/nginx" ] || [ ! -f "$objs/ngx_rtmp_module.so" ]; then
        source_of nginx "$source" || {
            say "nginx asan: skipped: nginx's source is not to be had"
            return 1
        }
        say "nginx asan: building nginx with AddressSanitizer, once"
        # -Wno-error: the sanitizer makes gcc warn where it does not else.
        (cd "$source" &&
            quiet ./configure "${nginx_asan_flags[@]}" --builddir="$objs" \
                --with-cc-opt="$nginx_asan_cc -Wno-error" \
                --with-ld-opt=-fsanitize=address \
                --add-dynamic-module="$DEPS/nginx-rtmp" &&
            quiet make -j"$(nproc)" -f "$objs/Makefile" binary modules) ||
            return 1
    fi
    # nginx -t ends without freeing what it read: no leak is looked for.
    cat > "$ngx_dir/run" << END
#!/bin/sh
case " \$* " in *" -t "*) export ASAN_OPTIONS="detect_leaks=0:\$ASAN_OPTIONS" ;; esac
exec $objs/nginx "\$@"
END
    chmod +x "$ngx_dir/run"
    ngx_source=$source
    ngx_binary=$ngx_dir/run
    ngx_rtmp=$objs/ngx_rtmp_module.so
}

nginx_asan_cc='-O1 -g -fno-omit-frame-pointer'
nginx_asan_cc+=' -fsanitize=address -DNGX_DEBUG_PALLOC=1'
nginx_asan_flags=(--prefix="$BUILD/nginx/asan/prefix" --with-compat
    --with-debug --with-threads --with-pcre-jit --with-http_ssl_module
    --with-http_v2_module --with-http_realip_module
    --with-http_auth_request_module --with-http_stub_status_module)

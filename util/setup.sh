#!/bin/bash
# Install what a target needs and is not there yet: util/setup.sh SET...
# Sets: build run unit t e2e lint bench fuzz valgrind. With apt, as root or through sudo;
# says what it installs. Does nothing (in some 20 ms) when all is there.
# shellcheck source=util/common.sh
. "$(dirname "$0")/common.sh"

packages_of() {
    case $1 in
        build)
            echo g++ make pkg-config nginx nginx-dev libnginx-mod-rtmp \
                libsqlite3-dev libpq-dev libjansson-dev libargon2-dev libssl-dev \
                libhiredis-dev libpcre2-dev zlib1g-dev xz-utils
            ;;
        run) packages_of build; echo perl ;;
        unit) packages_of build; echo libcmocka-dev postgresql pgbouncer redis-server openssl ;;
        t)
            packages_of build
            echo perl libtest-base-perl libtest-longstring-perl \
                liblist-moreutils-perl libhttp-message-perl libtext-diff-perl \
                ffmpeg sqlite3 postgresql redis-server
            ;;
        e2e) packages_of t; cat "$ROOT/t/e2e/packages.txt" ;;
        lint)
            packages_of build
            echo clang-format-19 clang-tidy-19 clang-19 shellcheck binutils \
                libcmocka-dev
            ;;
        bench) packages_of t; echo wrk ;;
        fuzz) packages_of build; echo clang-19 libclang-rt-19-dev ;;
        valgrind) packages_of t; echo valgrind ;;
        *) die "setup: no set named $1" ;;
    esac
}

missing=()
for set in "$@"; do
    # shellcheck disable=SC2046
    for package in $(packages_of "$set" | tr ' ' '\n' | sort -u); do
        missing+=("$package")
    done
done
mapfile -t missing < <(not_installed "${missing[@]}")

if [ ${#missing[@]} -gt 0 ]; then
    apt_install "${missing[@]}"
fi

# nginx-rtmp's headers are in no package.
rtmp_headers

for set in "$@"; do
    case $set in
        t | e2e | bench | valgrind) test_nginx ;;
    esac
done

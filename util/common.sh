# Sourced by the scripts beside it: where things are, and Debian's packages.
# shellcheck shell=bash

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$ROOT/build
DEPS=$BUILD/deps

export LC_ALL=C

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# As root: "$@" itself; else through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        die "setup: not root and no sudo: run as root: $*"
    fi
}

# Which of these packages are missing, one a line. A package counts as there
# when another provides it (nodejs from elsewhere, say).
not_installed() {
    dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' \
        2> /dev/null |
        awk -v wanted="$*" '
            $1 == "installed" {
                gsub(/,|\([^)]*\)/, " ")
                for (i = 2; i <= NF; i++) have[$i] = 1
            }
            END {
                n = split(wanted, names, " ")
                for (i = 1; i <= n; i++)
                    if (!(names[i] in have)) print names[i]
            }'
}

# Install packages. Debian's nginx package would start a server on port 80: its
# service is kept from starting here, and stays disabled.
apt_install() {
    command -v apt-get > /dev/null ||
        die "setup: no apt-get here; install by hand: $*"
    say "setup: installing $*"
    local masked=
    if [[ " $* " == *' nginx '* ]] && [ -d /run/systemd/system ]; then
        say "setup: the system's own nginx service is left disabled"
        quiet as_root systemctl mask nginx && masked=yes
    fi
    if ! apt_get install --no-install-recommends "$@"; then
        apt_get update || die "setup: apt-get update failed, see above"
        apt_get install --no-install-recommends "$@" ||
            die "setup: apt-get install failed, see above"
    fi
    if [ -n "$masked" ]; then
        quiet as_root systemctl unmask nginx
        quiet as_root systemctl disable nginx
    fi
}

apt_get() {
    quiet as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q "$@"
}

# Run a command, and show its output only when it fails.
quiet() {
    local log code=0
    log=$(mktemp)
    "$@" > "$log" 2>&1 || code=$?
    [ $code -eq 0 ] || tail -n 40 "$log" >&2
    rm -f "$log"
    return $code
}

# locked DIRECTORY COMMAND...: one at a time in this directory; a second one
# waits until the first is done. Does not leave the lock to daemons it starts.
locked() {
    local dir=$1 code=0
    shift
    mkdir -p "$dir"
    exec 9> "$dir/.lock"
    flock 9
    "$@" || code=$?
    exec 9>&-
    return $code
}

# apt with lists of its own for one Debian suite; the system's sources are not
# touched. apt_suite SUITE COMMAND..., in a directory for what it downloads.
apt_suite() {
    local suite=$1 dir=$DEPS/apt/$1 mirror
    shift
    local apt=(-o Dir::Etc::SourceList=/dev/null
        -o "Dir::Etc::SourceParts=$dir/sources.d"
        -o "Dir::State::Lists=$dir/lists"
        -o "Dir::Cache=$dir/cache" -o APT::Sandbox::User=root
        -o Acquire::Languages=none -o Acquire::Retries=2)
    if [ -z "$(find "$dir/updated" -mmin -720 2> /dev/null)" ]; then
        # Whatever its address: the one apt has Debian itself from.
        mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' \
            'Created-By: Packages' | sed -n 's/^Debian|Debian|//p' |
            sort -u | head -n 1)
        : "${mirror:=http://deb.debian.org/debian}"
        mkdir -p "$dir/sources.d" "$dir/lists/partial" \
            "$dir/cache/archives/partial"
        cat > "$dir/sources.d/suite.sources" << END
Types: deb deb-src
URIs: $mirror
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
        quiet apt-get "${apt[@]}" -q update || return 1
        touch "$dir/updated"
    fi
    quiet apt-get "${apt[@]}" -q "$@"
}

# The orig tarball of a source package of the running Debian, unpacked:
# source_of PACKAGE DIRECTORY
source_of() {
    local name=$1 target=$2 work
    [ ! -d "$target" ] || return 0
    work=$(mktemp -d)
    if (cd "$work" &&
        apt_suite "$(codename)" source --download-only --tar-only "$name"); then
        mkdir -p "$target.part"
        tar -xf "$work"/*.orig.tar.* -C "$target.part" --strip-components=1
        mv "$target.part" "$target"
    fi
    rm -rf "$work"
    [ -d "$target" ]
}

codename() {
    # shellcheck disable=SC1091
    (. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
}

# Debian ships no headers of nginx-rtmp, its source package has them.
rtmp_headers() {
    [ ! -f "$DEPS/nginx-rtmp/ngx_rtmp.h" ] || return 0
    say "setup: fetching nginx-rtmp's headers (Debian's source package)"
    mkdir -p "$DEPS"
    source_of libnginx-mod-rtmp "$DEPS/nginx-rtmp" ||
        say "setup: not to be had: ngx_rtmp_keystone_module.so is skipped"
}

# Test::Nginx is packaged from Debian forky on; it is plain Perl, so it is
# unpacked beside the build and used from there.
test_nginx() {
    local lib=$DEPS/test-nginx suite work
    [ ! -d "$lib/Test/Nginx" ] || return 0
    say "setup: fetching Test::Nginx (Debian's libtest-nginx-perl)"
    work=$(mktemp -d)
    for suite in forky sid; do
        if (cd "$work" && apt_suite $suite download libtest-nginx-perl); then
            dpkg-deb -x "$work"/libtest-nginx-perl_*.deb "$work/x"
            mkdir -p "$lib"
            cp -R "$work/x/usr/share/perl5/." "$lib/"
            break
        fi
    done
    rm -rf "$work"
    [ -d "$lib/Test/Nginx" ] ||
        die "setup: libtest-nginx-perl is not to be had from forky or sid"
}

# hls.js for browsers that do not play HLS by themselves: Debian has no package
# of it, so it comes from npm where there is one. The page works without.
hls_js() {
    local file=$DEPS/hls.min.js version work
    local tested=$BUILD/e2e/node_modules/hls.js/dist/hls.min.js
    mkdir -p "$DEPS"
    if [ ! -f "$file" ] && [ -f "$tested" ]; then
        cp "$tested" "$file"
    elif [ ! -f "$file" ] && command -v npm > /dev/null; then
        version=$(sed -n 's/.*"hls.js": "\([^"]*\)".*/\1/p' \
            "$ROOT/t/e2e/package.json")
        say "setup: fetching hls.js $version (npm)"
        work=$(mktemp -d)
        if (cd "$work" && quiet npm pack --silent "hls.js@$version"); then
            tar -xzf "$work"/hls.js-*.tgz -C "$work" \
                package/dist/hls.min.js
            mv "$work/package/dist/hls.min.js" "$file"
        fi
        rm -rf "$work"
    fi
    [ -f "$file" ] ||
        say "setup: no hls.js: the page plays only where the browser can HLS"
}

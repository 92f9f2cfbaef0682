#!/bin/sh
# try.sh - from a fresh clone to a first container, on a bare Debian 12.
#
# Installs the packages that are missing (the only thing that needs root or sudo), builds in
# build-try/, and runs a container as an unprivileged user: you, or, when you are root, the user
# rctr-try that is made for it.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=packaging/packages.sh
. packaging/packages.sh
# shellcheck disable=SC2086 # lists of words
packages_need $packages_build $packages_run

if [ "$(id -u)" -eq 0 ]; then
    packages_user rctr-try
    packages_devices
    home=$(getent passwd rctr-try | cut -d: -f6)
    prefix=$home/rctr # a place that both can read, wherever this clone is
    run_as() { (cd "$home" && runuser -u rctr-try -- env -i HOME="$home" USER=rctr-try PATH="$PATH" TERM="${TERM:-dumb}" "$@"); }
else
    prefix=$PWD/build-try/installed
    run_as() { "$@"; }
fi

log=$PWD/build-try/log
mkdir -p build-try
echo "Building in build-try ..."
if ! {
    { [ -x configure ] && [ configure -nt configure.ac ] && [ configure -nt Makefile.am ]; } || autoreconf -fi
    cd build-try
    ../configure --prefix="$prefix"
    make -j"$(nproc)"
    make install
    cd ..
} >"$log" 2>&1; then
    tail -n 20 "$log"
    echo "The build failed; all of its output is in $log" >&2
    exit 1
fi

echo "\$ rctr run --rm localhost/busybox echo hello"
run_as "$prefix/bin/rctr" run --rm localhost/busybox echo hello
echo "It works. Put it on your PATH with: export PATH=$prefix/bin:\$PATH"

# common.bash - what every file of tests/cli begins with:   load common
#
# Each test has its own folder $BATS_TEST_TMPDIR, its own store $RCTR_STATE and the built rctr on
# PATH ($RCTR names one elsewhere). tests/run.sh sets $RCTR_TEST_REGISTRY (127.0.0.1:port),
# $RCTR_TEST_REGISTRY_AUTH (the same with user tester, password secret) and $RCTR_TEST_IMAGES.
# Images in the registry: test/busybox:latest, test/layers:30, test/debian:12, test/python:3.
# shellcheck shell=bash

# shellcheck source=tests/cli/oci.bash
. "${BASH_SOURCE[0]%/*}/oci.bash"
TOP=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)

setup() {
    common_setup
}

teardown() {
    common_teardown
}

common_setup() {
    export RCTR_STATE=$BATS_TEST_TMPDIR/state
    unset RCTR_STORAGE_DRIVER RCTR_TRACE
    if [ -n "${RCTR:-}" ]; then
        PATH=$(dirname "$RCTR"):$PATH
    elif ! command -v rctr >/dev/null; then
        PATH=$TOP/build:$PATH
    fi
    cd "$BATS_TEST_TMPDIR" || return 1
}

# The store holds files of other users; only their user namespace may delete them.
common_teardown() {
    cd / || return 1
    unset RCTR_STORAGE_DRIVER
    [ ! -d "$RCTR_STATE/containers" ] || rctr rm -fa -t 0 >/dev/null 2>&1 || true
    rm -rf "$RCTR_STATE" 2>/dev/null || rctr unshare rm -rf "$RCTR_STATE" 2>/dev/null || true
}

# fails_with STATUS WORDS COMMAND...: it ends so, and the last line of its standard error is
# "Error: …" with the words in it.
fails_with() {
    local want=$1 words=$2 last status=0
    shift 2
    "$@" 2>"$BATS_TEST_TMPDIR/stderr" >"$BATS_TEST_TMPDIR/stdout" || status=$?
    last=$(tail -n 1 "$BATS_TEST_TMPDIR/stderr")
    if [ "$status" -ne "$want" ] || [[ $last != "Error: "*"$words"* ]]; then
        echo "wanted status $want and 'Error: … $words …'"
        echo "got status $status and:"
        cat "$BATS_TEST_TMPDIR/stderr"
        return 1
    fi
}

# has_range: do containers have more users than one?
has_range() {
    [ "${RCTR_SINGLE_UID:-}" != 1 ] && grep -q "^$(id -un):" /etc/subuid
}

# is GOT WANTED
is() {
    [ "$1" = "$2" ] || { printf 'wanted: %s\n   got: %s\n' "$2" "$1"; return 1; }
}

# has TEXT WORDS
has() {
    [[ $1 == *"$2"* ]] || { printf 'wanted in it: %s\n         got: %s\n' "$2" "$1"; return 1; }
}

# still_running NAME: the processes called NAME (as in comm) that work on this test's store. Others
# run tests beside this one, so a look at all of the user's processes would find theirs.
still_running() {
    local process
    for process in /proc/[0-9]*; do
        [ "$(cat "$process/comm" 2>/dev/null)" = "$1" ] || continue
        if cat "$process/cmdline" "$process/environ" 2>/dev/null | tr '\0' '\n' | grep -qF "$RCTR_STATE"; then
            echo "${process#/proc/}"
        fi
    done
}

# each_driver COMMAND...: with each storage driver; its containers are removed.
each_driver() {
    for RCTR_STORAGE_DRIVER in overlay fuse-overlayfs copy; do
        export RCTR_STORAGE_DRIVER
        echo "driver: $RCTR_STORAGE_DRIVER"
        "$@"
        rctr rm -f -a >/dev/null
    done
}

need_registry() {
    [ -n "${RCTR_TEST_REGISTRY:-}" ] || skip "no registry: RCTR_TEST_REGISTRY is not set (tests/run.sh sets it)"
}

# need_image NAME: it is in the registry. test/debian:12 and test/python:3 need root's debootstrap.
need_image() {
    need_registry
    skopeo inspect --tls-verify=false "docker://$RCTR_TEST_REGISTRY/$1" >/dev/null 2>&1 ||
        skip "$1 is not in the registry (tests/run.sh makes it as root)"
}

need_command() {
    command -v "$1" >/dev/null || skip "$1 is not installed"
}

#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# The store when a command is killed, or a system call fails, at any moment: what was reported as
# done is there, nothing is half there, and the next commands clear up.
load common
load image

setup() {
    common_setup
    need_command strace
    image_archive a.tar tool hello
}

# inject WHAT COMMAND...: run rctr with a fault; its status is in $status.
inject() {
    local what=$1
    shift
    status=0
    strace -qq -o /dev/null -e "inject=$what" "$(command -v rctr)" "$@" >out 2>&1 || status=$?
}

empty_store() {
    [ ! -e "$RCTR_STATE" ] || rctr unshare rm -rf "$RCTR_STATE"
}

# The store is clean, takes the image, and gives it up without leaving anything.
still_good() {
    rctr system check >out 2>&1 || { echo "$1:"; cat out; return 1; }
    rctr load -q -i a.tar
    rctr image exists tool
    rctr rmi -a >/dev/null
    is "$1: $(find "$RCTR_STATE"/tmp "$RCTR_STATE"/layers "$RCTR_STATE"/blobs/sha256 -mindepth 1 | wc -l)" "$1: 0"
}

killed_at() { # COMMAND...
    local call when killed=0
    for call in openat renameat fsync mkdirat unlinkat; do
        for when in 1 2 4 7 12 20 30; do
            empty_store
            [ "$1" = load ] || rctr load -q -i a.tar
            inject "$call:signal=SIGKILL:when=$when" "$@" 2>/dev/null
            [ "$status" = 137 ] || break
            killed=$((killed + 1))
            still_good "$call $when"
        done
    done
    [ "$killed" -ge 10 ] || { echo "only $killed commands were killed: does strace work here?"; return 1; }
}

@test "load killed at any system call" {
    killed_at load -q -i a.tar
}

@test "tag killed at any system call" {
    killed_at tag tool quay.io/x/other:1
}

@test "rmi killed at any system call" {
    killed_at rmi tool
}

@test "load with a system call that fails ends with an error and a clean store" {
    local failed=0
    # The first calls are the loader's, before main.
    for fault in openat:EMFILE openat:ENOSPC renameat:EIO fsync:EIO syncfs:EIO mkdirat:ENOSPC write:ENOSPC flock:EIO; do
        for when in 1 2 3 6 10; do
            empty_store
            inject "${fault%:*}:error=${fault#*:}:when=$when" load -q -i a.tar
            if [ "$status" -ne 0 ] && ! grep -q 'error while loading shared libraries' out; then
                is "$fault $when: $status" "$fault $when: 125"
                has "$(tail -n 1 out)" "Error: "
                failed=$((failed + 1))
            fi
            rctr system check >/dev/null
        done
    done
    [ "$failed" -ge 5 ] || { echo "only $failed faults were seen: does strace work here?"; return 1; }
}

#!/usr/bin/env bats
# rctr killed at any moment, and failing system calls: the next command works and nothing is left.
bats_require_minimum_version 1.5.0
load common
load crash

@test "run killed at 40 moments, all of it at once" {
    rctr run --rm --network none localhost/busybox true
    killed 40 60 all rctr run --rm localhost/busybox sh -c 'echo hi; sleep 0.02'
}

@test "run killed at 40 moments, one process of it" {
    rctr run --rm --network none localhost/busybox true
    killed 40 60 one rctr run --rm localhost/busybox sh -c 'echo hi; sleep 0.02'
}

load_again() {
    rctr rmi -f localhost/busybox
    exec rctr run --rm --network none localhost/busybox true
}

@test "the first load of an image killed at 20 moments" {
    killed 20 100 all load_again
}

pull_again() {
    rctr rmi -f "$RCTR_TEST_REGISTRY/test/layers:30"
    exec rctr pull -q "$RCTR_TEST_REGISTRY/test/layers:30"
}

@test "pull killed at 40 moments" {
    need_image test/layers:30
    rctr run --rm --network none localhost/busybox true
    killed 20 300 all pull_again
    killed 20 300 one pull_again
    rctr pull -q "$RCTR_TEST_REGISTRY/test/layers:30"
    is "$(rctr run --rm --network none "$RCTR_TEST_REGISTRY/test/layers:30" cat /last)" 30
}

# Traced, the set-uid helpers have no effect: a single user.
@test "calls that fail: an error in words within 10 seconds, nothing left" {
    need_command strace
    export RCTR_SINGLE_UID=1
    rctr run --rm localhost/busybox true
    local call when status
    for call in openat write mkdirat clone3 mount sendmsg pidfd_open socketpair pipe2 epoll_ctl unlinkat; do
        for when in 1 4 9; do
            status=0
            timeout -k 1 10 strace -f -qq -o log -e trace=$call -e inject=$call:error=ENOSPC:when=$when \
                rctr run --rm localhost/busybox true 2>stderr || status=$?
            grep -q INJECTED log || break
            echo "$call $when: status $status, $(tail -n 1 stderr)"
            [ "$status" -eq 0 ] || { [ "$status" -eq 125 ] && has "$(tail -n 1 stderr)" "Error: "; } ||
                { [ "$status" -eq 127 ] && has "$(cat stderr)" "error while loading shared libraries"; }
        done
    done
    sweep
    rctr system check
}

#!/usr/bin/env bats
# rctr killed at any moment, and failing system calls: the next command works and nothing is left.
bats_require_minimum_version 1.5.0
load common

# The process and all below it.
family() {
    local kids
    echo "$1"
    kids=$(cat "/proc/$1/task/$1/children" 2>/dev/null) || return 0
    for kid in $kids; do
        family "$kid"
    done
}

# Processes that run on behalf of this test's store; not those that only wait to be reaped.
ours() {
    local p
    for p in /proc/[0-9]*; do
        [ "${p#/proc/}" != $$ ] && [ "${p#/proc/}" != "$BASHPID" ] || continue
        { tr '\0' '\n' <"$p/environ" | grep -qxF "RCTR_STATE=$RCTR_STATE" ||
            grep -qF "$RCTR_STATE" "$p/mountinfo"; } 2>/dev/null || continue
        case $(tr -d '\0' <"$p/cmdline" 2>/dev/null) in *'monitor of a container'* | rctr* | sleep* | sh-c*) echo "$p" ;; esac
    done
}

# The monitor looks for the remains of others after its own work, not more often than each 20 s.
sweep() {
    rm -f "$RCTR_STATE/cache/swept"
    rctr run --rm --network none localhost/busybox true
    for _ in $(seq 100); do
        [ -z "$(ls "$RCTR_STATE/tmp" "$RCTR_STATE/containers" | grep -v ':$')" ] && return
        sleep 0.05
    done
    echo "left: $(ls "$RCTR_STATE/tmp" "$RCTR_STATE/containers")"
    return 1
}

# killed ROUNDS MILLISECONDS WHOM COMMAND...: run it, kill -9 at random times, and look.
killed() {
    local rounds=$1 span=$2 whom=$3 pid victims
    shift 3
    RANDOM=4711 # the same moments each time
    for round in $(seq "$rounds"); do
        "$@" </dev/null >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$(printf '0.%03d' $((RANDOM % span)))"
        victims=$(family $pid)
        [ "$whom" = all ] || victims=$(echo "$victims" | sed -n "$((RANDOM % $(echo "$victims" | wc -l) + 1))p")
        # shellcheck disable=SC2086 # a list of numbers
        kill -9 $victims 2>/dev/null || true
        timeout 10 tail --pid=$pid -f /dev/null || { echo "round $round: the client hangs"; return 1; }
        wait $pid || true
    done
    sweep
    for _ in $(seq 60); do
        [ -z "$(ours)" ] && break
        sleep 0.05
    done
    is "$(ours)" ""
    rctr system check --repair >/dev/null
    rctr system check
}

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

#!/usr/bin/env bats
# A container's whole life, with each storage driver, and what must not come between.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load lifecycle

whole_life() {
    rctr create --network none --name one localhost/busybox sh -c \
        'echo started >>/file; trap "exit 3" TERM; echo >/ready; while :; do sleep 0.05; done' >/dev/null
    is "$(field one .state)" created
    rctr start one
    eventually rctr exec one test -e /ready
    has "$(rctr ps --format '{{.Names}} {{.Status}}')" "one Up"
    is "$(rctr exec one cat /file)" started
    rctr exec one sh -c 'echo mine >/mine; rm /ready'
    is "$(rctr stop one)" one
    is "$(rctr wait one)" 3
    has "$(rctr ps -a --format '{{.Names}} {{.Status}}')" "one Exited (3)"
    rctr start one # the files are kept
    eventually rctr exec one test -e /ready
    is "$(rctr exec one cat /file /mine)" "started
started
mine"
    rctr exec one rm /ready
    rctr restart -t 0 one
    eventually rctr exec one test -e /ready
    is "$(rctr exec one grep -c started /file)" 3
    rctr rename one other
    rctr kill -s TERM other
    is "$(rctr wait other)" 3
    rctr rm other
    is "$(ls "$RCTR_STATE/containers" "$RCTR_STATE/names" "$RCTR_STATE/tmp" | grep -v ':$')" ""
}

@test "a whole life with the kernel's overlay" {
    [ "$(RCTR_STORAGE_DRIVER=overlay rctr run --rm --network none localhost/busybox echo yes)" = yes ] ||
        skip "this kernel has no overlay for users"
    export RCTR_STORAGE_DRIVER=overlay
    whole_life
}

@test "a whole life with fuse-overlayfs" {
    need_command fuse-overlayfs
    export RCTR_STORAGE_DRIVER=fuse-overlayfs
    whole_life
    is "$(still_running fuse-overlayfs)" ""
}

@test "a whole life with plain copies" {
    export RCTR_STORAGE_DRIVER=copy
    whole_life
}

@test "what it prints is in its log after the end" {
    rctr run -d --network none --name one localhost/busybox sh -c 'echo out; echo err >&2; exit 2' >/dev/null
    is "$(rctr wait one)" 2
    is "$(rctr logs one 2>/dev/null)" out
    is "$(rctr logs one 2>&1 >/dev/null)" err
}

@test "of fifty who want one name at once one gets it, and the others leave nothing" {
    rctr create --network none --name first localhost/busybox true >/dev/null
    seq 50 | xargs -P 50 -I{} sh -c \
        'rctr run -d --network none --name wanted localhost/busybox sleep 1000 >out.{} 2>&1 && echo won >>won || true'
    is "$(cat won)" won
    is "$(grep -l 'the container name "wanted" is already in use' out.* | wc -l)" 49
    is "$(ls "$RCTR_STATE/containers" | wc -l) $(ls "$RCTR_STATE/names" | tr '\n' ' ')" "2 first wanted "
    is "$(field wanted .state)" running
}

@test "a hundred short lives in a row leave nothing" {
    for _ in $(seq 100); do
        rctr run --rm --network none localhost/busybox true
    done
    eventually sh -c '[ -z "$(ls "$RCTR_STATE/containers" "$RCTR_STATE/names" "$RCTR_STATE/tmp" | grep -v ":\$")" ]'
    is "$(still_running rctr)" ""
}

@test "without its runtime folder a container is still seen and stopped" {
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/runtime
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    start_one a
    start_one b
    rm -rf "$XDG_RUNTIME_DIR"
    has "$(rctr ps --format '{{.Names}}')" a
    is "$(rctr exec a cat /ready)" ready
    is "$(rctr stop a)" a
    is "$(field a .exit_code)" 3
    is "$(rctr rm -f b)" b
}

@test "after a monitor was killed each command tells the truth" {
    local init
    for command in "stop" "rm" "restart -t 0" "wait" "inspect" "start" "rename"; do
        sleeper a
        init=$(field a .init.pid)
        slay a
        case $command in
        inspect) is "$(rctr inspect --format '{{.State.Status}}' a)" exited ;;
        wait) is "$(rctr wait a)" -1 ;;
        rename) rctr rename a b && rctr rename b a && is "$(rctr ps -q)" "" ;;
        # shellcheck disable=SC2086 # words
        *) is "$(rctr $command a)" a ;;
        esac
        eventually gone "$init" || { echo "after $command process 1 still runs"; return 1; }
        rctr rm -f a >/dev/null
    done
    sleeper a
    slay a
    is "$(rctr ps -q)" ""
    has "$(rctr ps -a --format '{{.Status}}')" Exited
}

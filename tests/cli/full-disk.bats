#!/usr/bin/env bats
# A state folder on a disk that is full: what frees space works, and what is told is true.
bats_require_minimum_version 1.5.0
load common
load lifecycle

setup() {
    common_setup
    need_command jq
    unshare --user --map-root-user --mount mount -t tmpfs -o size=1m none /mnt 2>/dev/null ||
        skip "no tmpfs can be mounted in a user namespace here"
}

# on_small_disk FUNCTION: in a namespace with a small disk under the state folder. Its root is one
# user, so the containers have one user, too.
on_small_disk() {
    mkdir -p "$RCTR_STATE"
    export -f "$1" is has fails_with start_one sleeper wait_ready id_of field eventually gone monitor_of slay fill
    RCTR_SINGLE_UID=1 unshare --user --map-root-user --mount bash -euc '
        mount -t tmpfs -o size=120m,mode=700 none "$RCTR_STATE"
        cd "$BATS_TEST_TMPDIR"
        trap "rm -f \$RCTR_STATE/fill; rctr rm -fa >/dev/null" EXIT
        "$0"' "$1"
}

fill() {
    dd if=/dev/zero of="$RCTR_STATE/fill" bs=4k 2>dd.log && return 1
    is "$(df --output=avail "$RCTR_STATE" | tail -n 1 | tr -d ' ')" 0
}

stop_and_tell() {
    start_one one
    start_one two --restart always
    sleeper three
    sleeper four
    fill
    is "$(rctr stop one two)" "one
two"
    is "$(field one .state) $(field one .exit_code)" "exited 3"
    is "$(field two .state) $(field two .stopped_by_user)" "exited true"
    is "$(rctr kill three)" three
    is "$(rctr wait three)" 137
    slay four
    is "$(rctr wait four)" -1
    is "$(field four .state)" exited
    is "$(rctr rm one two three four)" "one
two
three
four"
    is "$(ls "$RCTR_STATE/containers" "$RCTR_STATE/names" "$RCTR_STATE/tmp" | grep -v ':$')" ""
}

@test "stop, kill, wait and rm work on a full disk" {
    on_small_disk stop_and_tell
}

volumes() {
    rctr run --rm --network none -v one:/d localhost/busybox sh -c 'echo x >/d/f'
    rctr volume create two
    fill
    is "$(rctr volume ls -q)" "one
two"
    fails_with 125 "No space left on device" rctr volume create three
    fails_with 125 "No space left on device" rctr run --rm --network none -v four:/etc localhost/busybox true
    is "$(rctr volume ls -q)" "one
two"
    is "$(rctr volume rm one two)" "one
two"
    is "$(ls "$RCTR_STATE/volumes" "$RCTR_STATE/tmp" | grep -v ':$')" ""
    rm "$RCTR_STATE/fill"
    is "$(rctr run --rm --network none -v one:/d localhost/busybox ls /d)" ""
}

@test "volume ls and rm work on a full disk, create says so" {
    on_small_disk volumes
}

remove_running() {
    sleeper one
    sleeper two --restart always
    fill
    is "$(rctr rm -fa | wc -l)" 2
    is "$(ls "$RCTR_STATE/containers" "$RCTR_STATE/names" "$RCTR_STATE/tmp" | grep -v ':$')" ""
    rm "$RCTR_STATE/fill"
    is "$(rctr run --rm --network none localhost/busybox echo again)" again
}

@test "rm -f of running ones works on a full disk, and afterwards all is well" {
    on_small_disk remove_running
}

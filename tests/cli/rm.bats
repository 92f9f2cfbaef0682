#!/usr/bin/env bats
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load lifecycle

nothing_left() {
    is "$(ls "$RCTR_STATE/containers")" ""
    is "$(ls "$RCTR_STATE/names")" ""
}

@test "rm removes what does not run, and prints the names as they were typed" {
    rctr create --network none --name made localhost/busybox true >/dev/null
    rctr run --network none --name ended localhost/busybox true
    is "$(rctr rm made ended)" "made
ended"
    nothing_left
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "one that runs is refused with status 2, and goes with -f" {
    local init
    sleeper a
    init=$(field a .init.pid)
    fails_with 2 "cannot remove container $(id_of a) as it is running - running or paused containers cannot be removed without force: container state improper" rctr rm a
    is "$(rctr rm -f a)" a
    nothing_left
    eventually gone "$init"
}

@test "rm -f -t sends the stop signal first" {
    rctr run -d --network none --name a -v "$PWD:/out" localhost/busybox \
        sh -c 'trap "echo bye >/out/bye; exit 0" TERM; echo >/out/ready; while :; do sleep 0.05; done' >/dev/null
    eventually test -e ready
    is "$(rctr rm -f -t 5 a)" a
    is "$(cat bye)" bye
    nothing_left
}

@test "a missing one is status 1, and nothing with -f or --ignore" {
    fails_with 1 'no container with name or ID "nope" found: no such container' rctr rm nope
    is "$(rctr rm -f nope)" ""
    is "$(rctr rm -i nope)" ""
    rctr create --network none --name made localhost/busybox true >/dev/null
    run rctr rm nope made
    is "$status" 1
    nothing_left
}

@test "--all, --latest, --filter and --cidfile" {
    rctr create --network none --name a localhost/busybox true >/dev/null
    rctr run --network none --name b localhost/busybox sh -c 'exit 5' || true
    rctr create --network none --name c --cidfile cid localhost/busybox true >/dev/null
    rctr create --network none --name d localhost/busybox true >/dev/null
    sleeper e
    fails_with 2 "as it is running" rctr rm --latest
    local b c
    b=$(id_of b) c=$(id_of c)
    is "$(rctr rm --filter exited=5)" "$b"
    is "$(rctr rm --cidfile cid)" "$c"
    run rctr rm -a
    is "$status" 2
    is "$(ls "$RCTR_STATE/names")" e
    rctr rm -fa
    nothing_left
    is "$(rctr rm -fa)" ""
}

@test "what contradicts itself is refused in words" {
    fails_with 125 "you must provide at least one name or id" rctr rm
    fails_with 125 "no arguments are needed with --all" rctr rm -a x
    fails_with 125 "--all, --latest, and --cidfile cannot be used together" rctr rm -a --cidfile x
    fails_with 125 "--force option must be specified to use the --time option" rctr rm -t 1 x
    fails_with 125 "reading CIDFile: open nofile" rctr rm --cidfile nofile
}

@test "thirty that run go at once, and nothing of them is left" {
    seq 30 | xargs -P 2 -I{} rctr run -d --network none localhost/busybox sleep 1000 >/dev/null
    local pids
    pids=$(jq -r '.init.pid, .monitor.pid' "$RCTR_STATE"/containers/*/record.json)
    is "$(rctr rm -fa | wc -l)" 30
    nothing_left
    for pid in $pids; do
        eventually gone "$pid"
    done
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "of a damaged container the others know nothing, and rm -f removes it by its id" {
    local id init monitor
    sleeper bad
    sleeper good
    id=$(id_of bad) init=$(field bad .init.pid) monitor=$(field bad .monitor.pid)
    echo '{"id":' >"$RCTR_STATE/containers/$id/record.json"
    is "$(rctr stop -t 0 good)" good
    rctr start good
    fails_with 125 "\`rctr rm -f ${id:0:12}\` removes the container" rctr rm "$id"
    is "$(rctr rm -f "${id:0:12}")" "$id"
    eventually gone "$init"
    eventually gone "$monitor"
    is "$(ls "$RCTR_STATE/names")" good
    is "$(field good .state)" running
    echo >"$RCTR_STATE/containers/$(id_of good)/record.json"
    rctr rm -fa
    nothing_left
}

@test "rm while another command starts it: one of the two wins" {
    for i in 1 2 3 4 5 6 7 8; do
        rctr create --network none --name "x$i" localhost/busybox sleep 1000 >/dev/null
        rctr start "x$i" >out 2>&1 &
        local starting=$!
        rctr rm -f "x$i" >/dev/null
        wait $starting || has "$(cat out)" "no such container"
        rctr rm -f "x$i" >/dev/null
    done
    nothing_left
}

none_running() {
    [ -z "$(still_running rctr)" ]
}

@test "rm -f while run makes it: nothing of it is left" {
    for i in $(seq 15); do
        rctr run -d --network none --name "y$i" localhost/busybox sleep 1000 >out 2>&1 3>&- &
        local making=$!
        for _ in $(seq 100); do
            [ ! -L "$RCTR_STATE/names/y$i" ] || break
            sleep 0.001
        done
        rctr rm -f "y$i" >/dev/null
        wait $making || cat out
        rctr rm -f "y$i" >/dev/null
    done
    nothing_left
    eventually none_running
}

@test "what a killed removal has left in tmp/ goes with the next one" {
    rctr run --rm --network none localhost/busybox true
    mkdir -p "$RCTR_STATE/tmp/gone.x.1.0/upper"
    rctr rm -fa
    is "$(ls "$RCTR_STATE/tmp")" ""
}

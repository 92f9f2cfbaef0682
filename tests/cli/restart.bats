#!/usr/bin/env bats
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load lifecycle

lines() { # NAME: how often it was started
    wc -l <"$RCTR_STATE/containers/$(id_of "$1")/upper/file"
}

@test "restart stops and starts again, and the files are kept" {
    start_one a
    local before
    before=$(field a .init.pid)
    is "$(rctr restart a)" a
    eventually test "$(lines a)" = 2
    is "$(field a .state)" running
    [ "$(field a .init.pid)" != "$before" ]
    is "$(field a .stopped_by_user)" false
}

@test "one that does not run is started" {
    rctr create --network none --name a localhost/busybox sleep 1000 >/dev/null
    is "$(rctr restart -t 0 a)" a
    is "$(field a .state)" running
}

@test "one with --rm keeps its files through a restart, and is removed at its end" {
    start_one a --rm
    rctr restart -t 0 a
    eventually test "$(lines a)" = 2
    is "$(field a .rm)" true
    rctr stop -t 0 a
    is "$(ls "$RCTR_STATE/containers")" ""
}

@test "--all, --running, --latest, --filter and --cidfile" {
    start_one a
    rctr create --network none --name made --label x localhost/busybox sleep 1000 >/dev/null
    is "$(rctr restart --running -t 0)" "$(id_of a)"
    is "$(field made .state)" created
    is "$(rctr restart -l -t 0)" "$(id_of made)"
    is "$(rctr restart -a -t 0 | sort)" "$(for n in a made; do id_of $n; done | sort)"
    is "$(rctr restart --filter label=x -t 0)" "$(id_of made)"
    id_of a >cid
    is "$(rctr restart --cidfile cid -t 0)" "$(id_of a)"
}

@test "what is wrong is told, and the others are restarted" {
    start_one a
    run rctr restart -t 0 nope a
    is "$status" 125
    has "$output" 'no container with name or ID "nope" found: no such container'
    eventually test "$(lines a)" = 2
    fails_with 125 "you must provide at least one name or id" rctr restart
    fails_with 125 "no arguments are needed with --all" rctr restart -a x
    fails_with 125 "no arguments are needed with --running" rctr restart --running x
}

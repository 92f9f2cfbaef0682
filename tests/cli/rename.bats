#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
load common
load lifecycle

@test "a container has its new name, stopped or running, and the old one is free" {
    rctr create --network none --name old localhost/busybox true >/dev/null # no beginning of an id
    local id
    id=$(id_of old)
    rctr rename old b
    is "$(id_of b)" "$id"
    is "$(rctr container exists old || echo $?)" 1
    is "$(field b .name)" b
    start_one a
    rctr container rename a running
    is "$(rctr stop running)" running
    rctr rename "$id" c
    rctr rename c c
    is "$(ls "$RCTR_STATE/names" | tr '\n' ' ')" "c running "
}

@test "a name in use, a bad name and a missing container are refused" {
    rctr create --network none --name a localhost/busybox true >/dev/null
    rctr create --network none --name b localhost/busybox true >/dev/null
    fails_with 125 "already in use" rctr rename a b
    fails_with 125 "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument" rctr rename a b/
    fails_with 125 'no container with name or ID "nope" found: no such container' rctr rename nope x
    fails_with 125 "requires at least 2 arg(s)" rctr rename a
    is "$(ls "$RCTR_STATE/names" | tr '\n' ' ')" "a b "
}

@test "of many who want one name, one gets it" {
    for i in $(seq 10); do
        rctr create --network none --name "n$i" localhost/busybox true >/dev/null
    done
    seq 10 | xargs -P 10 -I{} sh -c 'rctr rename n{} wanted 2>/dev/null && echo won >>won || true'
    is "$(cat won)" won
    is "$(ls "$RCTR_STATE/names" | wc -l)" 10
    is "$(field wanted .name)" wanted
}

@test "a rename that was killed between two steps leaves no second name" {
    rctr create --network none --name a localhost/busybox true >/dev/null
    ln -s "$(id_of a)" "$RCTR_STATE/names/left"
    rm -f "$RCTR_STATE/cache/swept"
    rctr run --rm --network none localhost/busybox true
    eventually test ! -L "$RCTR_STATE/names/left"
    is "$(id_of a)" "$(ls "$RCTR_STATE/containers")"
}

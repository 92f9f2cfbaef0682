#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
load common
load lifecycle

@test "exists tells by its status, by name, id and the beginning of an id" {
    rctr create --network none --name a localhost/busybox true >/dev/null
    local id
    id=$(id_of a)
    is "$(rctr container exists a && rctr container exists "$id" && rctr container exists "${id:0:7}" && echo yes)" yes
    run rctr container exists nope
    is "$status $output" "1 "
    fails_with 125 "requires at least 1 arg(s)" rctr container exists
    fails_with 125 "accepts at most 1 arg(s)" rctr container exists a b
}

@test "one whose monitor was killed with --rm does not exist" {
    sleeper a --rm
    slay a
    run rctr container exists a
    is "$status" 1
}

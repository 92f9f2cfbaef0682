#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
load common
load lifecycle

@test "a container without published ports has nothing to list" {
    sleeper a
    is "$(rctr port a)" ""
    is "$(rctr container port -l)" ""
    is "$(rctr port -a)" ""
}

@test "a port that is not published is an error, and so is what is no port" {
    sleeper a
    fails_with 125 'failed to find published port "80/tcp"' rctr port a 80
    fails_with 125 'failed to find published port "53/udp"' rctr port -l 53/udp
    fails_with 125 '"x" is not a port' rctr port a x
    fails_with 125 '"80/foo": the protocol is tcp, udp or sctp' rctr port a 80/foo
    fails_with 125 "you must supply a running container name or id" rctr port
    fails_with 125 'no container with name or ID "nope" found: no such container' rctr port nope
    fails_with 125 "no arguments are needed with --all" rctr port -a a
}

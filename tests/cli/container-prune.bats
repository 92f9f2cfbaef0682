#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
load common
load lifecycle

three() {
    rctr create --network none --name made --label keep localhost/busybox true >/dev/null
    rctr run --network none --name ended localhost/busybox sh -c 'head -c 3000000 /dev/zero >/big'
    sleeper running
}

@test "prune removes what does not run, prints the ids and the space" {
    three
    local made ended
    made=$(id_of made) ended=$(id_of ended)
    rctr container prune -f >out
    is "$(head -n 2 out)" "$made
$ended"
    has "$(tail -n 1 out)" "Total reclaimed space: 3."
    is "$(ls "$RCTR_STATE/names")" running
    is "$(rctr container prune --force)" "Total reclaimed space: 0 B"
}

@test "it asks, and takes no for an answer" {
    three
    is "$(echo n | rctr container prune | tail -n 1)" "Are you sure you want to continue? [y/N] "
    is "$(ls "$RCTR_STATE/names" | wc -l)" 3
    fails_with 125 "nobody answered" rctr container prune </dev/null
    has "$(echo y | rctr container prune)" "WARNING! This will remove all non running containers."
    is "$(ls "$RCTR_STATE/names")" running
}

@test "--filter leaves the others" {
    three
    rctr container prune -f --filter label!=keep >/dev/null
    is "$(ls "$RCTR_STATE/names" | tr '\n' ' ')" "made running "
    rctr container prune -f --filter until=1h >/dev/null
    is "$(ls "$RCTR_STATE/names" | tr '\n' ' ')" "made running "
    rctr container prune -f --filter until=0s --filter label=keep >/dev/null
    is "$(ls "$RCTR_STATE/names")" running
    fails_with 125 "foo" rctr container prune -f --filter foo=bar
    fails_with 125 "foo" rctr container prune --filter foo=bar </dev/null
    fails_with 125 "accepts at most 0 arg(s)" rctr container prune -f x
}

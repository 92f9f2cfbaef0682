#!/usr/bin/env bats
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load lifecycle

@test "wait prints the exit status of each, in the order in which they are named" {
    rctr run -d --network none --name slow localhost/busybox sh -c 'sleep 0.5; exit 7' >/dev/null
    rctr run -d --network none --name fast localhost/busybox sh -c 'exit 4' >/dev/null
    is "$(rctr wait slow fast)" "7
4"
    is "$(rctr wait fast fast)" "4
4"
}

@test "the status of one that is removed at its end is told, too" {
    local id
    for i in 1 2 3 4 5; do
        id=$(rctr run -d --rm --network none localhost/busybox sh -c "sleep 0.3; exit $i")
        is "$(rctr wait "$id")" "$i"
    done
}

@test "one that does not run is not waited for" {
    rctr create --network none --name made localhost/busybox true >/dev/null
    is "$(rctr wait made)" 0
}

@test "--condition: another state, several with commas" {
    rctr create --network none --name a localhost/busybox sh -c 'trap "exit 3" TERM; echo >/ready; while :; do sleep 0.05; done' >/dev/null
    timeout 20 rctr wait --condition running a >out &
    local waiting=$!
    sleep 0.3
    kill -0 $waiting
    rctr start a
    wait $waiting
    is "$(cat out)" -1
    is "$(timeout 5 rctr wait --condition=exited,running a)" -1
    wait_ready a
    timeout 20 rctr wait --condition removed a >out &
    waiting=$!
    rctr stop a
    kill -0 $waiting
    rctr rm a
    wait $waiting
    is "$(cat out)" 3
}

@test "a killed monitor does not leave the waiting one waiting" {
    start_one a
    timeout 20 rctr wait a >out &
    local waiting=$!
    sleep 0.2
    slay a
    wait $waiting
    is "$(cat out)" -1
    is "$(field a .state)" exited
}

@test "what is wrong is refused in words" {
    fails_with 125 "requires a name, id, or the \"--latest\" flag" rctr wait
    fails_with 125 'no container with name or ID "nope" found: no such container' rctr wait nope
    is "$(rctr wait --ignore nope)" -1
    fails_with 125 "unknown container state: runing; did you mean running?: invalid argument" rctr wait --condition runing x
    fails_with 125 "--interval" rctr wait -i soon x
    fails_with 125 "--latest and containers cannot be used together" rctr wait -l x
    rctr create --network none --name made localhost/busybox true >/dev/null
    is "$(rctr wait -i 5 -l)" 0
    is "$(rctr wait -i 1s made)" 0
}

@test "health is waited for, and not by one that ended or has no health check" {
    rctr run -d --network none --name a --health-cmd 'test -e /well' --health-interval 100ms localhost/busybox \
        sh -c 'sleep 0.5; touch /well; sleep 1000' >/dev/null
    is "$(timeout 20 rctr wait --condition healthy a)" -1
    is "$(field a .health)" healthy
    sleeper b
    fails_with 125 "container b has no health check" rctr wait --condition healthy b
    rctr run -d --network none --name c --health-cmd false --health-interval 1h localhost/busybox sleep 0.3 >/dev/null
    fails_with 125 "container c ended before its health was told" timeout 20 rctr wait --condition healthy c
}

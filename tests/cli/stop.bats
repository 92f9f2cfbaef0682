#!/usr/bin/env bats
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load lifecycle

@test "stop sends the stop signal, waits, and prints the names as they were typed" {
    start_one a
    start_one b
    is "$(rctr stop a "$(id_of b)")" "a
$(id_of b)"
    is "$(field a .state) $(field a .exit_code)" "exited 3"
    is "$(field b .state) $(field b .exit_code)" "exited 3"
    is "$(field a .stopped_by_user)" true
}

@test "one that takes no notice is killed when the grace is over" {
    sleeper a
    is "$(rctr stop -t 1 a 2>stderr)" a
    has "$(cat stderr)" "SIGTERM did not stop container a in time"
    is "$(field a .exit_code)" 137
    sleeper b
    is "$(rctr stop --time=0 b 2>stderr)" b
    is "$(cat stderr)" ""
    is "$(field b .exit_code)" 137
    sleeper c --stop-timeout 0
    rctr stop c
    is "$(field c .exit_code)" 137
}

@test "several are stopped side by side" {
    local begin
    for i in 1 2 3 4 5 6; do sleeper "s$i"; done
    begin=$SECONDS
    rctr stop -t 2 s1 s2 s3 s4 s5 s6
    [ $((SECONDS - begin)) -lt 8 ] || { echo "one after the other: $((SECONDS - begin)) s"; return 1; }
}

@test "the container's own stop signal is used" {
    rctr run -d --network none --name a --stop-signal USR1 localhost/busybox \
        sh -c 'trap "exit 9" USR1; echo >/ready; while :; do sleep 0.05; done' >/dev/null
    wait_ready a
    rctr stop a
    is "$(field a .exit_code)" 9
    start_one b
    rctr stop --signal KILL b
    is "$(field b .exit_code)" 137
    fails_with 125 "invalid signal 'KIL': did you mean SIGKILL?" rctr stop -s KIL b
}

@test "one that does not run is stopped already, one that never ran too" {
    rctr create --network none --name made localhost/busybox true >/dev/null
    is "$(rctr stop made)" made
    rctr run --network none --name ended localhost/busybox true
    is "$(rctr stop ended)" ended
    is "$(field ended .exit_code)" 0
}

@test "missing ones are told, the others stopped all the same" {
    start_one a
    run rctr stop nope a
    is "$status" 125
    has "$output" 'Error: no container with name or ID "nope" found: no such container'
    is "$(field a .state)" exited
    is "$(rctr stop --ignore nope)" ""
}

@test "--all, --latest, --filter and --cidfile" {
    start_one a --label one=1
    start_one b --cidfile cid
    start_one c
    is "$(rctr stop --latest)" "$(id_of c)"
    is "$(rctr stop --filter label=one)" "$(id_of a)"
    is "$(rctr stop --cidfile cid)" "$(id_of b)"
    rctr start a b c >/dev/null
    wait_ready a
    is "$(rctr stop -a -t 0 | sort)" "$(for n in a b c; do id_of $n; done | sort)"
    is "$(rctr stop -a)" ""
    fails_with 125 "reading CIDFile: open nofile" rctr stop --cidfile nofile
    is "$(rctr stop --ignore --cidfile nofile)" ""
}

@test "what contradicts itself is refused in words" {
    fails_with 125 "you must provide at least one name or id" rctr stop
    fails_with 125 "no arguments are needed with --all" rctr stop --all x
    fails_with 125 "--latest and containers cannot be used together" rctr stop -l x
    fails_with 125 "--all and --latest cannot be used together" rctr stop -a -l
    fails_with 125 "--all, --latest, and --cidfile cannot be used together" rctr stop -a --cidfile x
    fails_with 125 'invalid argument "x" for "-t, --time"' rctr stop -t x a
    fails_with 125 'invalid argument "-3" for "-t, --time"' rctr stop -t -3 a
    fails_with 125 "nosuchfilter" rctr stop --filter nosuchfilter=1
    fails_with 125 "no such container" rctr stop --latest
}

@test "one with --rm is removed when it is stopped" {
    start_one a --rm
    is "$(rctr stop a)" a
    is "$(ls "$RCTR_STATE/containers" "$RCTR_STATE/names")" "$(printf '%s:\n\n%s:' "$RCTR_STATE/containers" "$RCTR_STATE/names")"
}

@test "a stop of one that just ends is no failure" {
    for i in $(seq 20); do
        rctr run -d --network none --name "e$i" localhost/busybox sleep 0.0$((RANDOM % 10)) >/dev/null
        rctr stop -t 1 "e$i" >/dev/null
        is "$(field "e$i" .state)" exited
    done
}

@test "a paused one is stopped, killed, restarted and removed" {
    start_one a
    rctr pause a
    timeout 10 rctr wait --condition paused a
    is "$(rctr stop a)" a
    is "$(field a .state) $(field a .exit_code)" "exited 3"
    rctr start a
    rctr pause a
    is "$(rctr kill a)" a
    is "$(timeout 10 rctr wait a)" 137
    rctr start a
    rctr pause a
    is "$(rctr restart -t 0 a)" a
    is "$(field a .state)" running
    rctr pause a
    fails_with 2 "as it is paused - running or paused containers cannot be removed without force" rctr rm a
    is "$(rctr rm -f a)" a
}

@test "one that is held before its program is stopped and removed" {
    rctr create --network none --name held localhost/busybox sleep 1000 >/dev/null
    rctr init held
    is "$(timeout 10 rctr wait --condition initialized held)" -1
    is "$(rctr stop held)" held
    is "$(field held .state)" created
    rctr init held
    is "$(rctr rm -f held)" held
    is "$(ls "$RCTR_STATE/containers")" ""
}

@test "one that its policy starts again and again stays stopped" {
    rctr run -d --network none --name loop --restart always localhost/busybox false >/dev/null
    for i in $(seq 15); do
        sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
        timeout 8 rctr stop loop
        is "$(field loop .state)" exited
        sleep 0.15
        is "$(field loop .state)" exited
        rctr start loop
    done
    is "$(rctr rm -f loop)" loop
}

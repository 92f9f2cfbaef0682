#!/usr/bin/env bats
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load lifecycle

@test "kill sends SIGKILL, and prints the names as they were typed" {
    start_one a
    is "$(rctr kill a)" a
    is "$(rctr wait a)" 137
    is "$(field a .stopped_by_user)" true
}

@test "what was killed has ended, so that it can be removed" {
    for i in 1 2 3 4 5; do
        sleeper a$i
    done
    rctr kill -a >/dev/null
    is "$(rctr ps -a --format '{{.State}}' | sort | uniq -c | tr -s ' ')" " 5 exited"
    rctr rm -a >/dev/null
    sleeper a
    rctr kill a && rctr rm a
}

@test "signals by name, with and without SIG, and by number" {
    start_one a
    for signal in HUP SIGHUP sighup 1; do
        rctr kill -s $signal a
        sleep 0.2
    done
    [ "$(grep -c hup "$RCTR_STATE/containers/$(id_of a)/upper/file")" -ge 2 ]
    is "$(field a .state) $(field a .stopped_by_user)" "running false"
    rctr kill --signal=TERM a
    is "$(rctr wait a)" 3
}

@test "a wrong signal is refused, with the nearest name" {
    start_one a
    fails_with 125 "invalid signal 'HUPP': did you mean SIGHUP?" rctr kill -s HUPP a
    fails_with 125 "invalid signal '0'" rctr kill -s 0 a
    fails_with 125 "invalid signal '65'" rctr kill -s 65 a
    is "$(field a .state)" running
}

@test "one that does not run cannot be killed, the others are" {
    rctr create --network none --name made localhost/busybox true >/dev/null
    start_one a
    run rctr kill made nope a
    is "$status" 125
    has "$output" "can only kill running containers. $(id_of made) is in state created: container state improper"
    has "$output" 'no container with name or ID "nope" found: no such container'
    is "$(rctr wait a)" 137
    fails_with 125 "can only kill running containers" rctr kill a
}

@test "--all, --latest and --cidfile" {
    start_one a
    start_one b --cidfile cid
    is "$(rctr kill --cidfile cid)" "$(id_of b)"
    rctr wait b
    is "$(rctr kill -a)" "$(id_of a)"
    rctr wait a
    is "$(rctr kill -a)" ""
    start_one c
    is "$(rctr kill -l -s TERM)" "$(id_of c)"
    is "$(rctr wait c)" 3
    fails_with 125 "you must provide at least one name or id" rctr kill
}

#!/usr/bin/env bats
# What runs again after a reboot. The reboot is played by killing the monitors: nobody saw the end.
bats_require_minimum_version 1.5.0
load common
load lifecycle

reboot() {
    local monitors pid
    monitors=$(jq -r 'select(.state == "running") | .monitor.pid' "$RCTR_STATE"/containers/*/record.json)
    # shellcheck disable=SC2086 # words
    kill -9 $monitors
    for pid in $monitors; do
        eventually gone "$pid"
    done
}

states() { # NAME...: "name state" of each
    for name; do echo "$name $(rctr inspect --format '{{.State.Status}}' "$name")"; done
}

@test "start --all --restart starts what its policy wants to run" {
    sleeper no
    sleeper always --restart always
    sleeper always-stopped --restart always
    sleeper unless --restart unless-stopped
    sleeper unless-stopped --restart unless-stopped
    sleeper failed --restart on-failure:2
    rctr run --network none --name good --restart on-failure localhost/busybox true
    rctr create --network none --name never --restart always localhost/busybox sleep 1000 >/dev/null
    rctr stop -t 0 always-stopped unless-stopped >/dev/null
    reboot
    is "$(rctr start --all --restart | sort)" "$(for n in always always-stopped unless failed; do id_of $n; done | sort)"
    is "$(states no always always-stopped unless unless-stopped failed good never)" "no exited
always running
always-stopped running
unless running
unless-stopped exited
failed running
good exited
never created"
    is "$(rctr start --all --restart)" ""
}

@test "stop --restart is the end of the host: what was stopped so is started again" {
    start_one a --restart unless-stopped
    start_one b --restart unless-stopped
    rctr stop b >/dev/null
    is "$(rctr stop --all --restart)" "$(id_of a)"
    is "$(states a)" "a exited"
    is "$(field a .exit_code) $(field a .stopped_by_user)" "3 false"
    is "$(rctr start --all --restart)" "$(id_of a)"
    is "$(states a b)" "a running
b exited"
}

@test "start --all starts all that do not run; --filter and --latest choose" {
    rctr create --network none --name a localhost/busybox sleep 1000 >/dev/null
    rctr create --network none --name b --restart always localhost/busybox sleep 1000 >/dev/null
    rctr create --network none --name c localhost/busybox sleep 1000 >/dev/null
    is "$(rctr start --all --filter restart-policy=always)" "$(id_of b)"
    is "$(rctr start -l)" "$(id_of c)"
    is "$(rctr start --all)" "$(id_of a)"
    is "$(rctr start --all)" ""
    is "$(rctr start a)" a
}

@test "what contradicts itself is refused in words" {
    fails_with 125 "start requires at least one argument" rctr start
    fails_with 125 "either start all containers or the container(s) provided in the arguments" rctr start --all x
    fails_with 125 "--restart is used together with --all" rctr start --restart x
    fails_with 125 "you cannot start and attach multiple containers at once" rctr start -a --all
    fails_with 125 'no container with name or ID "nope" found: no such container' rctr start nope
}

@test "the user unit says what systemd has to do" {
    local unit
    unit=$(dirname "$(command -v rctr)")/../lib/systemd/user/rctr-restart.service
    [ -e "$unit" ] || skip "rctr is not installed: $unit is not there"
    has "$(cat "$unit")" "ExecStart=-$(realpath "$(dirname "$(command -v rctr)")")/rctr start --all --restart"
    ! command -v systemd-analyze >/dev/null || XDG_RUNTIME_DIR=$PWD systemd-analyze verify --user --man=no "$unit"
}

#!/usr/bin/env bats
# restart, or the monitor, killed at any moment: the next command tells the truth and leaves nothing.
# (crash-life.bats does this with the other commands.)
bats_require_minimum_version 1.5.0
load common
load lifecycle

# Of what belongs to this test's containers, nothing runs; nothing is in the store.
nothing_left() {
    for pid in $pids; do
        eventually gone "$pid" || return 1
    done
    rm -f "$RCTR_STATE/cache/swept"
    rctr run --rm --network none localhost/busybox true
    eventually sh -c '[ -z "$(ls "$RCTR_STATE/containers" "$RCTR_STATE/names" "$RCTR_STATE/tmp" | grep -v ":\$")" ]'
}

# killed WHOM SPAN COMMAND...: 40 times, COMMAND with the container's name; WHOM (client or monitor)
# is killed within SPAN milliseconds.
killed() {
    local whom=$1 span=$2 client round
    shift 2
    RANDOM=815 # the same moments each time
    pids=
    for round in $(seq 40); do
        sleeper "x$round" --restart "$([ $((round % 2)) = 0 ] && echo no || echo always)"
        pids+=" $(field "x$round" .init.pid) $(field "x$round" .monitor.pid)"
        if [ "$whom" = monitor ]; then
            local monitor
            monitor=$(monitor_of "x$round")
            "$@" "x$round" >/dev/null 2>&1 3>&- &
            client=$!
            sleep "$(printf '0.%04d' $((RANDOM % (10 * span))))"
            kill -9 "$monitor" 2>/dev/null || true
            timeout 15 tail --pid=$client -f /dev/null || { echo "round $round: the client hangs"; return 1; }
        else
            "$@" "x$round" >/dev/null 2>&1 3>&- &
            client=$!
            sleep "$(printf '0.%04d' $((RANDOM % (10 * span))))"
            kill -9 $client 2>/dev/null || true
        fi
        wait $client || true
        truth "x$round" || { echo "in round $round"; return 1; }
    done
    nothing_left
}

# What is said of it agrees with what runs, and it can be removed.
truth() {
    local record
    rctr container inspect "$1" >/dev/null 2>inspect.err || { # which settles it
        has "$(cat inspect.err)" "no such container"
        return
    }
    record=$(cat "$RCTR_STATE/containers/$(id_of "$1")/record.json" 2>/dev/null) || return 0 # gone by now
    case $(jq -r .state <<<"$record") in
    running) eventually alive_or_told "$record" || { echo "$1 is said to run, and does not"; return 1; } ;;
    created | exited | restarting | starting) ;;
    *) echo "$1 is in this state: $record"; return 1 ;;
    esac
    rctr rm -f "$1" >/dev/null
}

alive_or_told() { # it runs, or its end has been written meanwhile
    ! gone "$(jq -r .init.pid <<<"$1")" ||
        [ "$(jq -r .state "$RCTR_STATE/containers/$(jq -r .id <<<"$1")/record.json" 2>/dev/null)" != running ]
}

@test "restart killed at 40 moments" {
    killed client 40 rctr restart -t 0
}

@test "the monitor killed at 40 moments of restart" {
    killed monitor 40 rctr restart -t 0
}

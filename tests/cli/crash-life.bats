#!/usr/bin/env bats
# Containers that live on, with their commands and monitors killed at any moment: the next command
# tells the truth, and nothing runs that it does not know.
bats_require_minimum_version 1.5.0
load common
load crash
load lifecycle

setup() {
    common_setup
    rctr run --rm --network none localhost/busybox true
}

# At the end of a test: no process, mount or disk use is left that a command does not take away.
all_gone() {
    rctr rm -f -t 0 -a >/dev/null
    nothing_left
}

# strike ROUNDS MILLISECONDS WHOM COMMAND...: run it, and kill at random moments: WHOM is all (the
# command and its processes), one of them, or monitor (that of a container called c).
strike() {
    local rounds=$1 span=$2 whom=$3 pid victims round
    shift 3
    RANDOM=815 # the same moments each time
    for round in $(seq "$rounds"); do
        "$@" "$round" </dev/null >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$(printf '0.%03d' $((RANDOM % span)))"
        victims=$(family $pid)
        case $whom in
        one) victims=$(echo "$victims" | sed -n "$((RANDOM % $(echo "$victims" | wc -l) + 1))p") ;;
        monitor) victims=$(jq -r .monitor.pid "$RCTR_STATE"/containers/*/record.json 2>/dev/null | grep -v null || true) ;;
        esac
        # shellcheck disable=SC2086 # a list of numbers
        kill -9 $victims 2>/dev/null || true
        timeout 20 tail -s 0.02 --pid=$pid -f /dev/null || { echo "round $round: the command hangs"; return 1; }
        wait $pid || true
        rctr ps -aq >/dev/null || { echo "round $round: ps fails"; return 1; }
        is "$(unknown)" ""
    done
}

start_anew() { rctr run -d --network none localhost/busybox sleep 1000; }
start_again() { rctr start c; }
stop_c() {
    rctr start c >/dev/null
    exec rctr stop -t 0 c
}
remove_it() {
    rctr run -d --network none --name "c$1" localhost/busybox sleep 1000 >/dev/null
    exec rctr rm -f -t 0 "c$1"
}
run_and_wait() { exec rctr run --network none localhost/busybox sh -c 'echo hi; sleep 0.05'; }
exec_in() {
    rctr start c >/dev/null
    exec rctr exec c sh -c 'echo hi; sleep 0.02'
}

@test "run -d killed at 40 moments, all of it, and one process of it" {
    strike 20 40 all start_anew
    strike 20 40 one start_anew
    all_gone
}

@test "run, its monitor killed at 40 moments" {
    strike 40 90 monitor run_and_wait
    all_gone
}

@test "start and its monitor killed at 40 moments: it can be started again" {
    rctr create --name c --network none localhost/busybox sleep 1000 >/dev/null
    strike 20 40 one start_again
    strike 20 60 monitor start_again
    rctr start c
    is "$(field c .state)" running
    all_gone
}

@test "stop killed at 40 moments: the command, and the monitor" {
    rctr create --name c --network none localhost/busybox sleep 1000 >/dev/null
    strike 20 60 one stop_c
    strike 20 60 monitor stop_c
    rctr stop -t 0 c
    is "$(field c .state)" exited
    all_gone
}

@test "rm -f killed at 40 moments: the command, and the monitor" {
    strike 20 60 one remove_it
    strike 20 60 monitor remove_it
    all_gone
}

@test "exec killed at 40 moments: the container lives on, or is told as ended" {
    rctr create --name c --network none localhost/busybox sleep 1000 >/dev/null
    strike 20 60 one exec_in
    strike 20 60 monitor exec_in
    rctr start c
    is "$(rctr exec c echo inside)" inside
    all_gone
}

@test "the monitor is killed: its container is gone within a second, and the next command says so" {
    sleeper c
    init=$(field c .init.pid)
    slay c
    is "$(rctr ps -a --format '{{.Names}} {{.State}}')" "c exited"
    is "$(field c .exit_code)" -1
    eventually gone "$init"
    rctr start c
    is "$(rctr inspect --format '{{.State.Status}}' c)" running
    all_gone
}

@test "a program that has switched off its parent-death signal does not outlive its monitor unseen" {
    need_command gcc
    cat >deaf.c <<'END'
#include <sys/prctl.h>
#include <unistd.h>
int main(void)
{
    prctl(PR_SET_PDEATHSIG, 0);
    write(1, "deaf\n", 5);
    for (;;)
        pause();
}
END
    gcc -static -o deaf deaf.c
    rctr run -d --network none --name c -v "$PWD/deaf:/deaf" localhost/busybox /deaf >/dev/null
    eventually grep -q deaf "$RCTR_STATE/containers/$(id_of c)/log"
    init=$(field c .init.pid)
    slay c
    sleep 0.1
    is "$(rctr ps -a --format '{{.State}}')" exited
    eventually gone "$init"
    # with --init process 1 is ours, and dies with the monitor
    rctr run -d --init --network none --name d -v "$PWD/deaf:/deaf" localhost/busybox /deaf >/dev/null
    init=$(field d .init.pid)
    slay d
    eventually gone "$init"
    all_gone
}

@test "a client that is killed leaves its container running; it is told, and its output is kept" {
    rctr run --network none --name c localhost/busybox sh -c 'i=0; while [ $i -lt 20 ]; do echo line $i; sleep 0.05; i=$((i+1)); done; exit 9' >out 3>&- &
    eventually grep -q 'line 1' out
    kill -9 $!
    is "$(timeout 10 rctr wait c)" 9
    is "$(rctr logs c | grep -c line)" 20
    all_gone
}

@test "a client that is stopped delays neither stop nor the record, and gets all when it goes on" {
    rctr run --network none --name c localhost/busybox seq 100000000 >out 3>&- &
    client=$!
    eventually [ -s out ]
    kill -STOP $client
    timeout 20 rctr stop -t 0 c
    is "$(field c '[.state, .exit_code] | map(tostring) | join(" ")')" "exited 137"
    rctr logs c >logged
    timeout 20 rctr rm c
    kill -CONT $client
    wait $client && false || is $? 137
    # to the last byte that it wrote before it was killed
    seq 100000000 2>/dev/null | head -c "$(stat -c %s out)" | cmp - out
    is "$(tail -c 1000 logged)" "$(tail -c 1000 out)"
    all_gone
}

@test "SIGTERM to a monitor stops its container, which is not marked as stopped by the user" {
    start_one c --restart always
    monitor=$(monitor_of c)
    kill -TERM "$monitor"
    eventually gone "$monitor"
    is "$(field c '[.state, .exit_code, .stopped_by_user] | map(tostring) | join(" ")')" "exited 3 false"
    sleeper d --stop-timeout 0
    monitor=$(monitor_of d)
    kill -TERM "$monitor"
    eventually gone "$monitor"
    is "$(field d '[.state, .exit_code] | map(tostring) | join(" ")')" "exited 137"
    all_gone
}

@test "a restart policy: growing pauses, tries that are counted, a stop in between" {
    rctr run -d --network none --name c --restart on-failure:3 localhost/busybox sh -c 'echo life >>/lives; exit 5' >/dev/null
    eventually sh -c "[ \"\$(jq -r '\"\(.state) \(.restart_count) \(.exit_code)\"' $RCTR_STATE/containers/$(id_of c)/record.json)\" = 'exited 3 5' ]"
    is "$(wc -l <"$RCTR_STATE/containers/$(id_of c)/upper/lives")" 4
    rctr run -d --network none --name d --restart always localhost/busybox false >/dev/null
    eventually sh -c "jq -e '.restart_count > 2 and .state == \"restarting\"' $RCTR_STATE/containers/$(id_of d)/record.json"
    monitor=$(monitor_of d)
    timeout 5 rctr stop d
    eventually gone "$monitor"
    is "$(field d '[.state, .stopped_by_user] | map(tostring) | join(" ")')" "exited true"
    all_gone
}

@test "a restart that fails is a try, and the reason is kept" {
    cp /bin/true program
    rctr run -d --network none --name c --restart on-failure:2 -v "$PWD/program:/program" localhost/busybox sh -c 'sleep 0.5; exit 1' >/dev/null
    rm program
    mkdir program
    touch program/x
    eventually sh -c "[ \"\$(jq -r .state $RCTR_STATE/containers/$(id_of c)/record.json)\" = exited ]"
    has "$(field c .error)" "/program"
    all_gone
}

@test "a container that prints without end while nobody listens keeps its monitor small" {
    rctr run -d --network none --name c localhost/busybox sh -c 'exec yes a line of some length that is printed for ever' >/dev/null
    sleep 1
    monitor=$(monitor_of c)
    rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$monitor/status")
    [ "$rss" -lt 8000 ] || { echo "VmRSS: $rss kB"; return 1; }
    all_gone
}

# health: checks beside a running container, and `healthcheck run`.
# also: single-uid
load common
bats_require_minimum_version 1.5.0

# begin OPTION…: a container called c that sleeps and is asked five times a second.
begin() {
    rctr run -d --name c --network none --health-interval 200ms "$@" localhost/busybox sleep 1000 >id
}

record() { # KEY
    sed "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/" "$RCTR_STATE"/containers/*/record.json
}

health() {
    record health
}

# becomes WORD: within ten seconds that is its health.
becomes() {
    for _ in $(seq 100); do
        [ "$(health)" != "$1" ] || return 0
        sleep 0.1
    done
    echo "its health is $(health), not $1"
    return 1
}

@test "a container is starting, then healthy, then unhealthy after so many failures, then healthy again" {
    begin --health-cmd 'test -e /ok; s=$?; echo said $s; exit $s' --health-retries 3
    is "$(health)" starting
    rctr exec c touch /ok
    becomes healthy
    rctr exec c rm /ok
    becomes unhealthy
    grep -q '"FailingStreak": *[3-9]' "$RCTR_STATE"/containers/*/health.json
    grep -q '"ExitCode": *1' "$RCTR_STATE"/containers/*/health.json
    grep -q 'said 1' "$RCTR_STATE"/containers/*/health.json
    rctr exec c touch /ok
    becomes healthy
    is "$(grep -c '"health_status"' "$RCTR_STATE/events")" 3
    rctr wait --condition healthy c
}

@test "the last five answers are kept, each no longer than 4 KiB" {
    begin --health-cmd 'head -c 100000 /dev/zero | tr "\0" x'
    becomes healthy
    sleep 2
    is "$(grep -o '"ExitCode"' "$RCTR_STATE"/containers/*/health.json | wc -l)" 5
    is "$(grep -o 'x*' "$RCTR_STATE"/containers/*/health.json | awk 'length > n { n = length } END { print n }')" 4096
}

@test "failures in the start period do not count; a success ends it" {
    begin --health-cmd 'test -e /ok' --health-retries 1 --health-start-period 100s --health-start-interval 100ms
    sleep 1
    is "$(health)" starting
    rctr exec c touch /ok
    becomes healthy
    rctr exec c rm /ok
    becomes unhealthy
}

@test "time that is up ends the check's whole tree, and is a failure" {
    begin --health-cmd 'setsid sh -c "sleep 555 & sleep 556" & sleep 557' --health-timeout 300ms --health-retries 2 --health-start-period 0s
    becomes unhealthy
    grep -q 'Health check exceeded timeout (300ms)' "$RCTR_STATE"/containers/*/health.json
    rctr exec c sh -c 'touch /stop'
    # at most one check's processes are there at any time, and no dead ones of others
    for _ in 1 2 3 4 5; do
        [ "$(rctr exec c ps | grep -c 'sleep 55[567]')" -le 3 ]
        [ "$(rctr exec c ps | grep -c '\[sleep\]')" -le 3 ]
        sleep 0.13
    done
}

@test "a new life is starting again, from its first moment" {
    begin --health-cmd true --health-interval 1s
    becomes healthy
    rctr restart -t 0 c >/dev/null
    is "$(health)" starting
    becomes healthy
    rctr stop -t 0 c >/dev/null
    rctr start c >/dev/null
    is "$(health)" starting
}

@test "a list is run without a shell, and a program that is not there is a failure" {
    begin --health-cmd '["CMD", "test", "-d", "/etc"]'
    becomes healthy
    is "$(rctr rm -f -t 0 c)" c
    begin --health-cmd '["CMD", "nosuch"]' --health-retries 1
    becomes unhealthy
    grep -q 'executable file not found' "$RCTR_STATE"/containers/*/health.json
}

@test "what an unhealthy container gets: kill, stop, restart" {
    begin --health-cmd false --health-retries 1 --health-on-failure kill
    is "$(rctr wait c)" 137
    rctr rm c
    rctr run -d --name c --network none --health-interval 200ms --health-cmd false --health-retries 1 --health-on-failure stop \
        --restart always localhost/busybox sh -c 'trap "exit 4" TERM; while :; do sleep 0.1; done' >/dev/null
    is "$(rctr wait c)" 4
    rctr rm c
    begin --health-cmd false --health-retries 1 --health-on-failure restart
    for _ in $(seq 100); do
        [ "$(record restart_count)" -lt 2 ] || break
        sleep 0.1
    done
    [ "$(record restart_count)" -ge 2 ]
    rctr stop -t 0 c # it is not started again now
    is "$(record state)" exited
}

@test "healthcheck run asks now: 0 and silent, or 1 and unhealthy" {
    rctr run -d --name c --network none --health-interval disable --health-cmd 'test -e /ok' localhost/busybox sleep 1000 >/dev/null
    local s=0
    is "$(rctr healthcheck run c)" unhealthy || true
    rctr healthcheck run c >/dev/null || s=$?
    is "$s" 1
    rctr exec c touch /ok
    is "$(rctr healthcheck run c)" ""
    is "$(health)" healthy
}

@test "healthcheck run of what cannot be asked" {
    fails_with 125 'unable to look up c to perform a health check: no container with name or ID "c" found: no such container' rctr healthcheck run c
    rctr create --name c --network none localhost/busybox sleep 1000 >/dev/null
    fails_with 125 "is not running" rctr healthcheck run c
    rctr start c >/dev/null
    fails_with 125 "has no defined healthcheck" rctr healthcheck run c
}

@test "wrong words are refused, with the option's name" {
    try() { fails_with 125 "$1" rctr create --name c "${@:2}" localhost/busybox true; }
    try "--health-interval" --health-cmd true --health-interval 5x
    try "at least 1ms" --health-cmd true --health-interval 0s
    try "at least 1ms" --health-cmd true --health-timeout=-1s
    try "at least 0s" --health-cmd true --health-start-period=-1s
    try "greater than 0" --health-cmd true --health-retries 0
    try "--health-retries" --health-cmd true --health-retries many
    try "none of none, kill, restart, stop" --health-cmd true --health-on-failure explode
    try "cannot set on-failure action to kill without a health check" --health-on-failure kill
    try "--no-healthcheck cannot be used together" --no-healthcheck --health-cmd true
    try "a command is missing" --health-cmd ""
    try "a command is missing" --health-cmd '["CMD"]'
}

@test "none and --no-healthcheck ask nothing" {
    begin --health-cmd none
    sleep 0.5
    is "$(ls "$RCTR_STATE"/containers/*/health.json 2>/dev/null)" ""
    fails_with 125 "has no defined healthcheck" rctr healthcheck run c
}

@test "the end of the container is the end of its check" {
    begin --health-cmd 'echo go >/went; sleep.7771313' --health-timeout 100s
    for _ in $(seq 50); do
        ! rctr exec c test -e /went || break
        sleep 0.1
    done
    rctr rm -f -t 0 c
    for process in /proc/[0-9]*; do
        run ! grep -q 'sleep.77713' "$process/cmdline"
    done
}

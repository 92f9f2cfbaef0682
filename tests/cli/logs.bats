#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# logs, --log-driver, --log-opt: what containers printed comes back as it was.
# also: single-uid
load common

box() { rctr run --network none "$@"; }

# until COMMAND...: it succeeds within ten seconds.
until_true() {
    for _ in $(seq 200); do
        "$@" && return
        sleep 0.05
    done
    echo "in vain: $*"
    return 1
}

@test "each line goes to the output it came from, byte by byte" {
    box --name a localhost/busybox sh -c 'echo out; echo err >&2; printf "\033[1mx\377\tend"'
    rctr logs a >out 2>err
    is "$(od -An -c out | tr -d ' \n')" 'out\n033[1mx377\tend'
    is "$(cat err)" err
    is "$(rctr container logs -l 2>/dev/null | wc -c)" "$(wc -c <out)"
}

@test "times are docker's, and --since and --until choose by them" {
    box --name a localhost/busybox sh -c 'echo one; sleep 1.1; echo two'
    [[ $(rctr logs -t a | head -1) =~ ^20[0-9-]+T[0-9:]+\.[0-9]{9}Z\ one$ ]]
    second=$(rctr logs -t a | tail -1 | cut -d' ' -f1)
    is "$(rctr logs --since "$second" a)" two
    is "$(rctr logs --until "${second%.*}Z" a)" one
    is "$(rctr logs --since 10m a | wc -l)" 2
    is "$(rctr logs --until 10m a)" ""
    is "$(rctr logs --since "$(($(date +%s) + 2)).5" --until 2050-01-01 a)" ""
    fails_with 125 "--since: 'yesterday' is neither a time" rctr logs --since yesterday a
    fails_with 125 "--until: '' is neither a time" rctr logs --until '' a
}

@test "--tail counts lines, parts of one line once" {
    box --name a localhost/busybox sh -c 'seq 1 100; printf ab; sleep 0.1; printf cd'
    is "$(rctr logs -n 0 a)" ""
    is "$(rctr logs --tail 1 a)" abcd
    is "$(rctr logs -n 3 a | tr '\n' ' ')" "99 100 abcd"
    is "$(rctr logs --tail all a | wc -l)" 100
    is "$(rctr logs --tail -1 a | wc -l)" 100
    is "$(rctr logs -n 1000 a | wc -l)" 100
    fails_with 125 "--tail (-n): 'x' is neither a number of lines nor 'all'" rctr logs -n x a
}

@test "several containers are ordered by time and told apart" {
    box --name a localhost/busybox echo first
    box --name b localhost/busybox echo second
    box --name c localhost/busybox printf part
    is "$(rctr logs --names c b a)" "$(printf 'a first\nb second\nc part')"
    is "$(rctr logs b a | cut -c14-)" "$(printf 'first\nsecond')"
    is "$(rctr logs --names --color b a | od -An -c | grep -o 033 | wc -l)" 4
    is "$(rctr logs --names a)" "a first"
}

@test "-f shows what comes and ends with the container" {
    box -d --name a localhost/busybox sh -c 'echo one; until [ -e /go ]; do sleep 0.05; done; echo two'
    rctr logs -f a >out &
    until_true grep -q one out
    is "$(cat out)" one
    rctr exec a touch /go
    wait $!
    is "$(cat out)" "$(printf 'one\ntwo')"
    is "$(rctr logs -f -n 1 a)" two
}

@test "-f shows all of a container that is removed when it ends" {
    box -d --rm --name a localhost/busybox sh -c 'until [ -e /go ]; do sleep 0.05; done; seq 1000'
    rctr logs -f a >out &
    rctr exec a touch /go
    wait $!
    is "$(tail -n 1 out)" 1000
    fails_with 125 "no such container" rctr logs a
}

@test "-f ends at the time of --until, and with one of several containers left it goes on" {
    box -d --name a localhost/busybox sh -c 'echo one; sleep 1000'
    until_true sh -c 'rctr logs a | grep -q one'
    is "$(rctr logs -f --until -0.5s a)" one
    box -d --name b localhost/busybox sh -c 'until [ -e /go ]; do sleep 0.05; done; echo two'
    rctr logs -f --names a b >out &
    until_true grep -q one out
    rctr exec b touch /go
    until_true grep -q "b two" out
    [ -e "/proc/$!" ]
    rctr rm -f -t 0 a
    wait $!
    is "$(cat out)" "$(printf 'a one\nb two')"
}

@test "-f goes on when the container is started again by its policy" {
    box -d --restart on-failure:2 --name a localhost/busybox sh -c 'echo life; sleep 0.3; exit 1'
    rctr logs -f a >out
    is "$(cat out | tr '\n' ' ')" "life life life "
}

@test "-f follows through many turns of the log and loses no line" {
    box -d --name a --log-opt max-size=100k --log-opt max-file=10 localhost/busybox \
        sh -c 'until [ -e /go ]; do sleep 0.05; done; i=0; while [ $i -lt 20 ]; do seq $((i * 1000)) $((i * 1000 + 999)); sleep 0.05; i=$((i + 1)); done'
    rctr logs -f a >out &
    rctr exec a touch /go
    wait $!
    seq 0 19999 | cmp - out
    [ "$(ls "$RCTR_STATE"/containers/*/log.? | wc -l)" -ge 5 ]
}

@test "the log is bounded: 10 MB and 3 files, or as asked" {
    box --name a localhost/busybox sh -c 'yes 0123456789012345678901234567890123456789 | head -c 40000000' >/dev/null
    size=$(cat "$RCTR_STATE"/containers/*/log* | wc -c)
    [ "$size" -gt 20971520 ] && [ "$size" -le 31457280 ]
    is "$(ls "$RCTR_STATE"/containers/*/log* | wc -l)" 3
    rctr rm a
    box --name a --log-opt max-size=1k --log-opt max-file=2 localhost/busybox seq 1000 >/dev/null
    size=$(cat "$RCTR_STATE"/containers/*/log* | wc -c)
    [ "$size" -gt 1024 ] && [ "$size" -le 2048 ]
    is "$(rctr logs -n 1 a)" 1000
}

@test "a container that prints very much leaves its monitor small" {
    box -d --name a localhost/busybox sh -c 'yes 0123456789012345678901234567890123456789 | head -c 300000000; echo; echo done; sleep 1000'
    until_true sh -c 'rctr logs -n 1 a | grep -q done'
    pid=$(jq -r .monitor.pid "$RCTR_STATE"/containers/*/record.json)
    [ "$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")" -lt 16384 ]
    [ "$(cat "$RCTR_STATE"/containers/*/log* | wc -c)" -le 31457280 ]
    rctr rm -f -t 0 a
}

@test "a limit on the size of files costs lines of the log, not the container" {
    rctr create --name image localhost/busybox
    # more than rctr itself has: it may have to copy itself into a file in memory
    (ulimit -f 8192 && box -d --name a --log-opt max-size=1g localhost/busybox sh -c 'seq 400000; exit 3')
    is "$(rctr wait a)" 3
    rctr logs a >out
    is "$(head -1 out)" 1
    [ "$(wc -l <out)" -lt 400000 ]
}

@test "a log elsewhere, and a restarted container's log goes on" {
    box --name a --log-driver k8s-file --log-opt path="$PWD/my.log" localhost/busybox echo hello
    grep -q ' stdout F hello$' my.log
    is "$(rctr logs a)" hello
    rctr start a
    until_true grep -c . my.log
    rctr wait a >/dev/null
    is "$(rctr logs a | tr '\n' ' ')" "hello hello "
}

@test "drivers that keep nothing say so" {
    box --name a --log-driver none localhost/busybox echo hello
    fails_with 125 "its log driver 'none' keeps no log" rctr logs a
    is "$(rctr inspect --format '{{.HostConfig.LogConfig.Type}}' a)" none
}

@test "passthrough hands the caller's own files to the program" {
    echo in | box -i --name a --log-driver passthrough localhost/busybox sh -c 'cat; echo err >&2; exit 4' >out 2>err && return 1
    is "$(cat out)" in
    is "$(cat err)" err
    rctr start a 2>&1 >out </dev/null | cat >err
    rctr wait a >/dev/null
    is "$(cat out)" a
    until_true grep -q err err
    local user=0
    ! has_range || user=1000
    box --name u --user $user --log-driver passthrough localhost/busybox id -u </dev/null >mine 2>&1
    is "$(cat mine) $(stat -c %u mine)" "$user $(id -u)" # its owner stays
    rctr rm u
    fails_with 125 "its log driver 'passthrough' keeps no log" rctr logs a
    need_command script
    run script -qec "rctr run --network none --log-driver passthrough localhost/busybox true" /dev/null
    has "$output" "would hand the terminal over"
    is "$(rctr ps -aq | wc -l)" 1
}

@test "wrong drivers, options and names are refused in words" {
    fails_with 125 "invalid log driver 'jsonfile'; did you mean 'json-file'?" box --log-driver jsonfile localhost/busybox true
    fails_with 125 "max-size: 'x' is not a size" box --log-opt max-size=x localhost/busybox true
    fails_with 125 "'size=3' is none of max-size" box --log-opt size=3 localhost/busybox true
    fails_with 125 "passthrough cannot be used with a terminal" box -t --log-driver passthrough localhost/busybox true
    if [ ! -S /run/systemd/journal/socket ]; then
        fails_with 125 "needs systemd's journal" box --log-driver journald localhost/busybox true
    fi
    is "$(rctr ps -aq)" ""
    fails_with 125 'no container with name or ID "nosuch" found: no such container' rctr logs nosuch
    fails_with 125 "name a container" rctr logs
}

#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# The log driver journald with systemd's own journal, as an ordinary user of the machine.
load ../cli/common

box() { rctr run --network none --log-driver journald "$@"; }

@test "lines come back from the journal, with their streams and times" {
    box --name a localhost/busybox sh -c 'echo out; echo err >&2; printf "b\377\npart"'
    sleep 1 # journald writes in its own time
    rctr logs a >out 2>err
    is "$(od -An -c out | tr -d ' \n')" 'out\nb377\npart'
    is "$(cat err)" err
    [[ $(rctr logs -t a 2>/dev/null | head -1) =~ ^20[0-9-]+T[0-9:]+\.[0-9]{9}Z\ out$ ]]
    is "$(rctr inspect --format '{{.HostConfig.LogConfig.Type}}' a)" journald
}

@test "journalctl finds them by docker's and podman's fields" {
    box --name tagged --log-opt tag=mine localhost/busybox sh -c 'echo out; echo err >&2'
    sleep 1
    is "$(journalctl -q -o cat CONTAINER_NAME=tagged PRIORITY=6)" out
    is "$(journalctl -q -o cat CONTAINER_TAG=mine PRIORITY=3)" err
    id=$(rctr inspect --format '{{.Id}}' tagged)
    is "$(journalctl -q -o cat "CONTAINER_ID_FULL=$id" CONTAINER_ID="${id:0:12}" IMAGE_NAME=localhost/busybox:latest | wc -l)" 2
}

@test "-f follows and ends with the container" {
    box -d --name f localhost/busybox sh -c 'echo one; sleep 1; echo two'
    is "$(rctr logs -f f | tr '\n' ' ')" "one two "
}

@test "many lines at once: each is there or its loss is told" {
    box --name m localhost/busybox seq 20000 >/dev/null
    sleep 3
    rctr logs m >out 2>err
    lost=$(sed -n 's/^rctr: \([0-9]*\) lines\{0,1\} of output could not be logged.*/\1/p' err | awk '{ n += $1 } END { print n + 0 }')
    echo "$(wc -l <out) lines, $lost lost"
    # A line that is cut by the end of a read may be lost in part: then it counts on both sides.
    [ "$(($(wc -l <out) + lost))" -ge 20000 ] && [ "$lost" -lt 20000 ]
}

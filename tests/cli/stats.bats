#!/usr/bin/env bats
# also: single-uid
# also: cgroup
bats_require_minimum_version 1.5.0
# stats: what containers use, once, as a stream, and live on a terminal.
load common
load lifecycle
load pty

@test "--no-stream prints one table of what runs" {
    sleeper a
    rctr create --name made localhost/busybox true
    is "$(rctr stats --no-stream | head -n 1 | tr -s ' ')" "ID NAME CPU % MEM USAGE / LIMIT MEM % NET IO BLOCK IO PIDS CPU TIME AVG CPU %"
    is "$(rctr stats --no-stream --format '{{.Name}} {{.PIDs}} {{.ID}}')" "a 1 $(id_of a | cut -c 1-12)"
    is "$(rctr stats --no-stream -a --format '{{.Name}} {{.CPUPerc}}' | tail -n 1)" "made --"
    is "$(rctr stats --no-stream --no-trunc --format '{{.ID}}' a)" "$(id_of a)"
    is "$(rctr container stats --no-stream --format json a | jq -r '.[0] | .name, .pids')" "a
1"
}

@test "the numbers are the processes' own" {
    rctr run -d --network none --name busy localhost/busybox sh -c 'while :; do :; done' >/dev/null
    rctr run -d --network none --name fat localhost/busybox sh -c 'x=$(dd if=/dev/zero bs=1M count=20 2>/dev/null | tr "\0" x); touch /ready; sleep 100; echo "$x"' >/dev/null
    wait_ready fat
    [ "$(rctr stats --no-stream --format '{{.MemUsageBytes}}' fat)" -gt 20000000 ]
    [ "$(rctr stats --no-stream --format '{{.CPUNano}}' busy)" -gt 1000000 ]
    is "$(rctr stats --no-stream --format '{{.CPUPerc}}' busy | cut -d. -f1 | grep -c '^0$')" 0
    has "$(rctr stats --no-stream --format '{{.NetIO}}' busy)" "0 B / 0 B"
}

@test "without a group of its own, memory is marked as summed" {
    sleeper a
    [ "$(field a .cgroup)" = null ] || skip "it has a cgroup here"
    has "$(rctr stats --no-stream --format '{{.MemUsage}}' a)" "~"
}

@test "a stream goes on until it is ended, and new containers join it" {
    sleeper a
    rctr stats -i 0.2 --format '{{.Name}}' >out &
    pid=$!
    eventually grep -q '^a$' out
    sleeper b
    eventually grep -q '^b$' out
    kill "$pid"
    [ "$(grep -c '^a$' out)" -ge 2 ]
}

@test "the live view ends with q or ^C and leaves the terminal as it was" {
    sleeper a
    in_pty q sh -c 'NO_COLOR=1 rctr stats -i 0.3; echo "ended $?"; stty -a' >out
    has "$(cat out)" "NAME"
    has "$(cat out)" "a "
    has "$(cat out)" $'\033[?1049l'
    has "$(cat out)" "ended 0"
    has "$(grep -o ' -*echo ' out)" " echo "
    ! grep -q $'\033\[3[1-6]m' out
    in_pty '\x03' rctr stats >out
    has "$(cat out)" "STATUS 0"
    has "$(cat out)" $'\033[?25h'
}

@test "mistakes are named" {
    sleeper a
    fails_with 125 'no container with name or ID "nix" found' rctr stats --no-stream nix
    fails_with 125 'there is no field "CPUPrec"; did you mean "CPUPerc"?' rctr stats --no-stream --format '{{.CPUPrec}}'
    fails_with 125 "is not a number of seconds" rctr stats -i never
    fails_with 125 "cannot be used together" rctr stats -a a
}

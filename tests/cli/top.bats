#!/usr/bin/env bats
# also: single-uid
bats_require_minimum_version 1.5.0
# top: the processes of a container, read from the host's side.
load common
load lifecycle

@test "the usual columns, with the container's own numbers and names" {
    sleeper a
    is "$(rctr top a | head -n 1 | tr -s ' ')" "USER PID PPID %CPU ELAPSED TTY TIME COMMAND"
    is "$(rctr top a user pid ppid tty args | tail -n 1 | tr -s ' ')" "root 1 0 ? sleep 1000"
    is "$(rctr top a pid,comm | tail -n 1 | tr -s ' ')" "1 sleep"
    is "$(rctr container top -l pid | tail -n 1)" 1
}

@test "the host's view, state, memory and capabilities" {
    sleeper a --cap-drop ALL
    is "$(rctr top a hpid huser | tail -n 1 | tr -s ' ')" "$(field a .init.pid) $(id -un)"
    is "$(rctr top a state capeff seccomp | tail -n 1 | tr -s ' ')" "S none filter"
    [ "$(rctr top a rss | tail -n 1)" -gt 0 ]
    [ "$(rctr top a vsz | tail -n 1)" -gt 0 ]
}

@test "all processes are there, those of exec too, and no others" {
    rctr run -d --network none --name a localhost/busybox sh -c 'sleep 100 & sleep 200 & wait' >/dev/null
    eventually eval '[ "$(rctr top a comm | grep -c sleep)" = 2 ]'
    rctr exec -d a sleep 300
    eventually eval '[ "$(rctr top a comm | grep -c sleep)" = 3 ]'
    is "$(rctr top a pid | sed 1d | head -n 1)" 1
    is "$(rctr top a ppid args | grep -c '^1 ')" 3
}

@test "the options of ps that are about columns" {
    sleeper a
    is "$(rctr top a -eo pid,comm | tr -s ' ')" "PID COMMAND
1 sleep"
    is "$(rctr top a -o pid | tail -n 1)" 1
    is "$(rctr top a -ef | head -n 1 | tr -s ' ')" "USER PID PPID C STIME TTY TIME CMD"
    has "$(rctr top a aux | head -n 1)" "%MEM"
    is "$(rctr top a %p %c | tail -n 1 | tr -s ' ')" "1 sleep"
}

@test "a program's own name cannot break the table or the terminal" {
    rctr run -d --network none --name a localhost/busybox sh -c "exec -a \$'x\t\033[31my' sleep 1000" >/dev/null 2>&1 ||
        skip "busybox cannot rename a program"
    ! rctr top a args | grep -q $'\033'
}

@test "mistakes are named" {
    rctr create --name made localhost/busybox true
    sleeper a
    fails_with 125 'there is no column "cmm"; did you mean "comm"?' rctr top a cmm
    fails_with 125 "of the options of ps, top knows" rctr top a -q
    fails_with 125 "wants a list of columns" rctr top a -o
    fails_with 125 "top can only be used on running containers: made is created" rctr top made
    fails_with 125 'no container with name or ID "nix" found' rctr top nix
    fails_with 125 "you must provide at least one name or id" rctr top
}

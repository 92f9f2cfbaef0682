#!/usr/bin/env bats
# also: single-uid
bats_require_minimum_version 1.5.0
# ps: which containers there are and how they are, for people and for scripts.
load common
load lifecycle

# one that has ended: NAME STATUS [OPTION...]
ended() {
    local name=$1 status=$2
    shift 2
    rctr run --network none --name "$name" "$@" localhost/busybox sh -c "exit $status" || true
}

@test "without containers there is a heading, and nothing for scripts" {
    is "$(rctr ps)" "CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAMES"
    is "$(rctr ps -a --noheading)" ""
    is "$(rctr ps -aq)" ""
    is "$(rctr ps --format json)" "[]"
}

@test "ps shows what runs, -a everything, the oldest first" {
    sleeper run
    ended end 3
    rctr create --name made localhost/busybox true >/dev/null
    is "$(rctr ps --format '{{.Names}}')" run
    is "$(rctr container ls -a --format '{{.Names}} {{.State}}')" "run running
end exited
made created"
    is "$(rctr ps -a --format '{{.Status}}' | sed 's/[0-9]* second.*\|Less.*/T/')" "Up T
Exited (3) T
Created"
    is "$(rctr ps -q)" "$(id_of run | cut -c 1-12)"
    is "$(rctr ps -q --no-trunc)" "$(id_of run)"
    has "$(rctr ps)" "localhost/busybox:latest   sleep 1000 "
}

@test "a long command is cut, unless --no-trunc" {
    rctr create --name a localhost/busybox echo one two three four five >/dev/null
    is "$(rctr ps -a --format '{{.Command}}')" "echo one two thre..."
    is "$(rctr ps -a --no-trunc --format '{{.Command}} {{.ID}}')" "echo one two three four five $(id_of a)"
}

@test "-n and -l show the newest, whatever their state" {
    ended a 0
    ended b 0
    sleeper c
    is "$(rctr ps -n 2 --format '{{.Names}}')" "b
c"
    is "$(rctr ps -l --format '{{.Names}}')" c
    is "$(rctr ps -n 0 -q)" ""
    fails_with 125 "contradict each other" rctr ps -l -n 1
}

@test "--filter: alternatives within a key, all of several keys" {
    sleeper web --label app=shop --label tier=front
    ended job 7 --label app=batch
    is "$(rctr ps -a -f name=web -f name=job --format '{{.Names}}')" "web
job"
    is "$(rctr ps -f status=exited --format '{{.Names}}')" job
    is "$(rctr ps -f exited=7 --format '{{.Names}}')" job
    is "$(rctr ps -a -f label=app=shop -f label=tier --format '{{.Names}}')" web
    is "$(rctr ps -a -f ancestor=busybox -f since=web --format '{{.Names}}')" job
    is "$(rctr ps -a -f network=none -f name=^w --format '{{.Names}}')" web
    fails_with 125 "invalid filter 'stats=x'; did you mean 'status=…'?" rctr ps -f stats=x
    fails_with 125 "did you mean 'running'?" rctr ps -f status=runing
    fails_with 125 'no container with name or ID "nix" found' rctr ps -f before=nix
}

@test "--sort puts them in order" {
    ended b 0
    ended c 0
    ended a 0
    is "$(rctr ps -a --sort names --format '{{.Names}}' | tr '\n' ' ')" "a b c "
    is "$(rctr ps -a --sort created --format '{{.Names}}' | tr '\n' ' ')" "b c a "
    is "$(rctr ps -a --sort id -q)" "$(rctr ps -aq | sort)"
    fails_with 125 "--sort: unknown column 'nmaes'; did you mean 'names'?" rctr ps --sort nmaes
    fails_with 125 "--sort: unknown column 'foo' (command, created" rctr ps --sort foo
    fails_with 125 "--sort: unknown column 'foo' (created, id" rctr images --sort foo
}

@test "templates, tables and documents" {
    sleeper a --label k=v --label "two=a b"
    is "$(rctr ps --format '{{.Label "k"}}|{{index .Labels "two"}}|{{.Labels.none}}')" "v|a b|<no value>"
    is "$(rctr ps --format 'table {{.Names}} {{.State}}')" "NAMES   STATE
a       running"
    is "$(rctr ps --format '{{range .}}<{{.Names}}>{{end}}')" "<a>"
    is "$(rctr ps --format '{{if eq .State "running"}}{{upper .Names}}{{end}}')" A
    is "$(rctr ps --format json | jq -r '.[0] | .Names[0], .State, .Labels.k, .Id, .Pid')" "a
running
v
$(id_of a)
$(field a .init.pid)"
    fails_with 125 'there is no field "Nmaes"; did you mean "Names"?' rctr ps --format '{{.Nmaes}}'
    fails_with 125 'there is no function "uper"' rctr ps --format '{{uper .Names}}'
}

@test "--size walks what a container wrote, --ns shows its namespaces" {
    rctr run --network none --name a localhost/busybox sh -c 'dd if=/dev/zero of=/f bs=1000000 count=2 2>/dev/null; chmod 0 /f'
    has "$(rctr ps -as --format '{{.Size}}')" "2.0"
    sleeper b
    is "$(rctr ps --ns --format '{{.NET}}')" "$(readlink "/proc/$(field b .init.pid)/ns/net" | tr -dc 0-9)"
    has "$(rctr ps --ns)" "CGROUPNS"
}

@test "one whose monitor was killed is told as ended, and nothing of it runs" {
    sleeper a
    init=$(field a .init.pid)
    slay a
    eventually gone "$(monitor_of a)"
    has "$(rctr ps -a)" "Exited (unknown) "
    is "$(rctr ps -q)" ""
    gone "$init"
}

@test "a damaged record does not hide the others; --external shows its folder" {
    sleeper a
    ended b 0
    id=$(id_of b)
    echo '{"id":' >"$RCTR_STATE/containers/$id/record.json"
    is "$(rctr ps -a --format '{{.Names}}')" a
    is "$(rctr ps -a --external --format '{{.ID}} {{.Status}}' | tail -n 1)" "${id:0:12} Damaged"
}

@test "what a terminal would obey is not printed in a table" {
    rctr create --name a localhost/busybox printf $'\033[31m' >/dev/null
    ! rctr ps -a | grep -q $'\033'
}

@test "a command of several lines is one row" {
    rctr create --name a localhost/busybox sh -c $'a\n\tb' >/dev/null
    is "$(rctr ps -a --noheading | wc -l)" 1
    is "$(rctr ps -a --format '{{.Command}}')" "sh -c a  b"
    is "$(rctr ps -a --format json | jq -r '.[0].Command[2]')" $'a\n\tb'
}

@test "--watch shows it again and again" {
    sleeper a
    rctr ps -w 1 --format '{{.Names}}' >out &
    pid=$!
    eventually eval '[ "$(grep -c "^a$" out)" -ge 2 ]'
    kill "$pid"
}

@test "health stands behind the status" {
    sleeper a --health-cmd true --health-interval 1s
    eventually eval '[[ $(rctr ps --format "{{.Status}}") == "Up "*"(healthy)" ]]'
    is "$(rctr inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}} {{index .Config.Healthcheck.Test 0}}' a)" "healthy 0 CMD-SHELL"
    is "$(rctr ps -q -f health=healthy | wc -l)" 1
}

@test "what rctr does not have is refused in words" {
    fails_with 125 "rctr has no pods" rctr ps --pod
    fails_with 125 "--quiet shows ids only" rctr ps -q -s
    fails_with 125 "unknown flag: --frob" rctr ps --frob
}

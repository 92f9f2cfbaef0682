bats_require_minimum_version 1.5.0
# pause and unpause: by the freezer where there is one, else by signals.
# also: single-uid
# also: cgroup
load common

# begin NAME [OPTION…]: one that writes a line every twentieth of a second, from many short processes.
begin() {
    local name=$1
    shift
    rctr run -d --name "$name" --network none "$@" localhost/busybox \
        sh -c 'trap "exit 0" TERM; while :; do echo x; sleep 0.05; done' >/dev/null
}

state() {
    rctr inspect -f '{{.State.Status}}' "$1"
}

lines_of() {
    rctr logs "$1" | wc -l
}

# grows NAME: it writes within two seconds.
grows() {
    local before
    before=$(lines_of "$1")
    for _ in $(seq 20); do
        [ "$(lines_of "$1")" -le "$before" ] || return 0
        sleep 0.1
    done
    return 1
}

@test "nothing runs while it is paused, and all goes on afterwards" {
    begin c
    grows c
    is "$(rctr pause c 2>/dev/null)" c
    is "$(state c)" paused
    before=$(lines_of c)
    sleep 0.4
    is "$(lines_of c)" "$before"
    is "$(rctr unpause c)" c
    is "$(state c)" running
    grows c
}

@test "without a freezer it is said that signals did it, and every process stands" {
    begin c
    run -0 --separate-stderr rctr pause c
    [ -n "$stderr" ] || skip "this session's containers have a freezer"
    has "$stderr" "Note: container c has no cgroup with a freezer: its processes were stopped by signals"
    init=$(jq .init.pid "$RCTR_STATE"/containers/*/record.json)
    is "$(cut -d ' ' -f 3 "/proc/$init/stat")" T
}

@test "beside an init of rctr's own, too" {
    begin c --init
    rctr pause c
    is "$(state c)" paused
    rctr unpause c
    grows c
}

@test "one that forks as fast as it can is stopped too" {
    rctr run -d --name c --network none localhost/busybox \
        sh -c 'while :; do (while :; do (:); done) & sleep 0.01; kill $!; done' >/dev/null
    rctr pause c 2>/dev/null
    init=$(jq .init.pid "$RCTR_STATE"/containers/*/record.json)
    space=$(readlink "/proc/$init/ns/pid")
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/ns/pid" 2>/dev/null)" = "$space" ] || continue
        state=$(sed 's/.*) //' "$process/stat" 2>/dev/null | cut -c 1)
        [[ $state = [TtZX] || -z $state ]] || [ -s "$(jq -r .cgroup "$RCTR_STATE"/containers/*/record.json)/cgroup.freeze" ]
    done
    rctr unpause c
}

@test "one that does not run, or is paused, or is not: podman's words" {
    rctr create --name c --network none localhost/busybox true >/dev/null
    fails_with 125 "is not running, can't pause: container state improper" rctr pause c
    fails_with 125 "is not paused, can't unpause: container state improper" rctr unpause c
    fails_with 125 'no container with name or ID "nosuch" found: no such container' rctr pause nosuch
    begin d
    rctr pause d 2>/dev/null
    fails_with 125 "is not running, can't pause: container state improper" rctr pause d
    fails_with 125 "must provide" rctr pause
}

@test "several and all: the others are done when one fails" {
    begin a
    begin b
    run -125 rctr pause a nosuch b
    is "$(state a) $(state b)" "paused paused"
    rctr unpause --all >/dev/null
    is "$(state a) $(state b)" "running running"
    rctr container pause --all >/dev/null 2>&1
    is "$(state a) $(state b)" "paused paused"
    rctr container unpause -f name=a >/dev/null
    is "$(state a) $(state b)" "running paused"
    rctr unpause --all
}

@test "exec waits for nobody: it says that the container is paused" {
    begin c
    rctr pause c 2>/dev/null
    fails_with 255 "container c is paused" rctr exec c true
}

@test "a paused one takes its stop signal, and can be killed and removed" {
    begin c
    rctr pause c 2>/dev/null
    rctr stop -t 20 c
    is "$(rctr inspect -f '{{.State.Status}} {{.State.ExitCode}}' c)" "exited 0"
    rctr start c >/dev/null
    rctr pause c 2>/dev/null
    rctr kill c
    is "$(rctr wait c)" 137
    rctr start c >/dev/null
    rctr pause c 2>/dev/null
    rctr rm -f -t 0 c
    [ -z "$(ls "$RCTR_STATE/containers")" ]
}

@test "with the host's processes around it, it is refused" {
    rctr run -d --name c --network none --pid host localhost/busybox sleep 60 >/dev/null
    run rctr pause c
    [ "$status" -eq 0 ] || has "$output" "it shares the host's process namespace (--pid host)"
    [ "$status" -eq 0 ] || is "$(state c)" running
}

bats_require_minimum_version 1.5.0
# update: limits and restart policy of containers that are there.
# also: single-uid
# also: cgroup
load common

# policy NAME: its restart policy.
policy() {
    jq -r "select(.name == \"$1\").restart" "$RCTR_STATE"/containers/*/record.json
}

resources() {
    jq -c .linux.resources "$RCTR_STATE"/containers/*/config.json
}

# best NAME: one that was made with limits as far as this host goes.
best() {
    rctr create --name "$1" --network none --limits best-effort -m 100m localhost/busybox sh -c 'ulimit -v' >/dev/null 2>&1
}

@test "a stopped one has other limits at its next start; what is not named stays" {
    best c
    is "$(rctr update --pids-limit 30 c)" c
    is "$(resources)" '{"memory":{"limit":104857600},"pids":{"limit":30}}'
    has "$(cat "$RCTR_STATE/events")" '"update"'
    rctr update -m 50m c
    is "$(resources)" '{"memory":{"limit":52428800},"pids":{"limit":30}}'
    rctr update --memory -1 --pids-limit -1 c
    is "$(resources)" '{"memory":{"limit":-1},"pids":{"limit":-1}}'
    is "$(rctr start -a c)" "$(ulimit -v)"
}

@test "the restart policy, of a stopped and of a running one" {
    rctr create --name c --network none localhost/busybox true >/dev/null
    rctr update --restart on-failure:3 c
    is "$(policy c)" on-failure:3
    rctr run -d --name d --network none localhost/busybox sleep 60 >/dev/null
    rctr update --restart always d
    rctr kill -s KILL d >/dev/null # by a command: no restart
    is "$(rctr wait d)" 137
    rctr container update --restart no d
    rctr start d >/dev/null
    is "$(policy d)" null
}

@test "a policy that is given while it runs starts it again" {
    rctr run -d --name c --network none localhost/busybox sh -c 'echo up; sleep 1; exit 1' >/dev/null
    rctr update --restart on-failure:1 c
    rctr wait c >/dev/null || true
    for _ in $(seq 50); do
        [ "$(rctr logs c | grep -c up)" -lt 2 ] || return 0
        sleep 0.2
    done
    rctr logs c
    return 1
}

@test "a running one without a cgroup cannot be limited, and keeps what it has" {
    rctr run -d --name c --network none localhost/busybox sleep 60 >/dev/null
    fails_with 125 "container c runs without a cgroup of its own" rctr update --memory 64m c
    is "$(resources)" null
}

@test "wrong words, missing containers, and nothing to do" {
    best c
    fails_with 125 "--memory: 'x' is not a size" rctr update --memory x c
    fails_with 125 "is not a restart policy" rctr update --restart sometimes c
    fails_with 125 "nothing to update" rctr update c
    fails_with 125 'no container with name or ID "nosuch" found: no such container' rctr update -m 64m nosuch
    is "$(resources)" '{"memory":{"limit":104857600}}'
    run -125 rctr update --pids-limit 5 nosuch c
    is "$(resources)" '{"memory":{"limit":104857600},"pids":{"limit":5}}'
}

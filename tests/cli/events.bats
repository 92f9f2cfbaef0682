#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# events: what happened, in podman's lines and docker's JSON.
# also: single-uid
load common
load image

past() { rctr events --stream=false "$@"; }

@test "a store where nothing happened has no events" {
    is "$(past)" ""
    is "$(rctr events --until 0)" ""
}

@test "a container's life is told in order" {
    rctr run --network none --name web --label stage=test localhost/busybox sh -c 'exit 3' || true
    rctr rm web
    is "$(past --filter type=container --format '{{.Status}}' | tr '\n' ' ')" "create start died remove "
    is "$(past --filter type=container --format '{{.Action}}' | tr '\n' ' ')" "create start die destroy "
    is "$(past --filter event=died --format '{{.Name}} {{.ContainerExitCode}} {{.Attributes.stage}}')" "web 3 test"
    [[ $(past --filter event=die) =~ ^20[0-9-]+\ [0-9:.]+\ .*\ container\ died\ [0-9a-f]{64}\ \(image=.*busybox:latest,\ name=web,.*exitCode=3 ]]
    [[ $(past --filter event=die --no-trunc=false) =~ \ died\ [0-9a-f]{12}\ \( ]]
}

@test "the JSON is docker's, an object in each line" {
    rctr run --rm --network none --name web localhost/busybox true
    past --filter container=web --format json >out
    is "$(jq -r .Action out | tr '\n' ' ')" "create start die destroy "
    is "$(jq -r 'select(.status == "die") | [.Type, .from, .Actor.Attributes.name, .Actor.Attributes.exitCode, .scope] | join(" ")' out)" \
        "container localhost/busybox:latest web 0 local"
    jq -e '.id == .Actor.ID and .time == (.timeNano / 1000000000 | floor)' out >/dev/null
    is "$(past --filter container=web --format '{{json .}}' | md5sum)" "$(md5sum <out)"
}

@test "images are told, too" {
    image_load tool hello
    rctr tag tool other
    rctr untag tool other
    rctr rmi tool
    is "$(past --filter type=image --format '{{.Action}} {{.Name}}' | sed 's/ localhost./ /')" "load tool:latest
tag other:latest
untag other:latest
untag tool:latest
delete tool:latest"
    is "$(past --filter image=tool --filter event=load | wc -l)" 1
}

@test "volumes are told, too" {
    rctr volume create v
    rctr volume rm v
    is "$(past --filter volume=v --format '{{.Status}}' | tr '\n' ' ')" "create remove "
    has "$(past)" " volume create v"
}

@test "health is told in docker's words and in podman's" {
    rctr run -d --network none --name h --health-cmd true --health-interval 100ms localhost/busybox sleep 1000
    for _ in $(seq 100); do [ -n "$(past --filter event=health_status)" ] && break; sleep 0.1; done
    is "$(past --filter event=health_status --format json | jq -r .Action | head -1)" "health_status: healthy"
    is "$(past --filter event=health_status --format '{{.Status}} {{.HealthStatus}}' | head -1)" "health_status healthy"
    rctr rm -f -t 0 h
}

@test "filters of one key are alternatives, labels are all demanded" {
    rctr create --network none --name a --label x=1 --label y=2 localhost/busybox true
    rctr create --network none --name b --label x=1 localhost/busybox true
    count() { past --filter event=create "$@" | wc -l; }
    is "$(count --filter container=a --filter container=b)" 2
    is "$(count --filter label=x --filter label=y=2)" 1
    is "$(count --filter label=x=1)" 2
    is "$(count --filter name=b)" 1
    is "$(count --filter image=busybox)" 2
    is "$(count --filter image=localhost/busybox:latest)" 2
    is "$(count --filter image=sybox)" 0
    is "$(count --filter container="$(past --filter name=a --format '{{.ID}}' | cut -c1-12)")" 1
}

@test "--since and --until choose, and what comes is shown" {
    rctr volume create old
    rctr events --until -2s --format '{{.Type}} {{.ID}}' --filter type=volume >out &
    for _ in $(seq 100); do [ -s out ] && break; sleep 0.02; done
    rctr volume create new
    wait $!
    is "$(cat out)" "$(printf 'volume old\nvolume new')"
    is "$(rctr events --since 1h --until 0s --format '{{.ID}}' --filter type=volume | wc -l)" 2
    is "$(past --until 1h)" ""
    is "$(past --since 2050-01-01)" ""
    # without --since only what comes
    timeout 2 rctr events --format '{{.ID}}' >out & pid=$!
    sleep 0.5
    rctr volume create newest
    wait $pid || true
    is "$(cat out)" newest
}

@test "wrong words are refused" {
    fails_with 125 "did you mean 'event'?" rctr events --filter evnt=start
    fails_with 125 "invalid filter 'event'" rctr events --filter event
    fails_with 125 "--since: 'x' is neither a time" rctr events --since x
    fails_with 125 "Nme" rctr events --format '{{.Nme}}'
}

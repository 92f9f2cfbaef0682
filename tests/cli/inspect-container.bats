#!/usr/bin/env bats
# also: single-uid
bats_require_minimum_version 1.5.0
# inspect of containers: docker's document, from the record and from what was asked.
load common
load lifecycle

# of NAME TEMPLATE
of() {
    rctr inspect --type container -f "$2" "$1"
}

@test "a running container has docker's fields" {
    sleeper a -e A=1 -w /tmp --label k=v --label "two.words=a b" --user 0 --hostname box
    is "$(of a '{{.Id}} {{.Name}} {{.Path}} {{.Args}}')" "$(id_of a) a sleep [1000]"
    is "$(of a '{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.Pid}} {{.State.ConmonPid}}')" \
        "running true false $(field a .init.pid) $(monitor_of a)"
    is "$(of a '{{.Config.Hostname}} {{.Config.WorkingDir}} {{.Config.User}} {{.Config.Image}}')" \
        "box /tmp 0 localhost/busybox:latest"
    is "$(of a '{{range .Config.Env}}{{println .}}{{end}}' | grep A=)" A=1
    is "$(of a '{{index .Config.Labels "two.words"}} {{.Config.Labels.k}} {{len .Config.Labels}}')" "a b v 2"
    is "$(of a '{{json .Config.Cmd}} {{json .Config.Entrypoint}}')" '["sleep","1000"] null'
    is "$(of a '{{.ImageName}} {{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}}')" "localhost/busybox:latest none no"
    is "$(of a '{{.Image}}')" "$(rctr inspect --type image -f '{{.Id}}' localhost/busybox)"
    [ -e "$(of a '{{.OCIConfigPath}}')" ]
    [ -e "$(of a '{{.LogPath}}')" ]
    [ "$(of a '{{.State.StartedAt}}' | cut -c 1-4)" -ge 2024 ]
    is "$(of a '{{.State.FinishedAt}}')" "0001-01-01T00:00:00Z"
}

@test "one that has ended, and one that never ran" {
    rctr run --network none --name end localhost/busybox sh -c 'exit 7' || true
    rctr create --network none --name made localhost/busybox true
    is "$(of end '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}} {{.State.Pid}}')" "exited false 7 0"
    is "$(of made '{{.State.Status}} {{.State.ExitCode}} {{.State.StartedAt}}')" "created 0 0001-01-01T00:00:00Z"
}

@test "what was asked for is told" {
    mkdir data
    rctr create --name a --network none -v "$PWD/data:/d:ro" --tmpfs /t:size=1m --cap-drop CHOWN --cap-add NET_RAW --read-only \
        --ulimit nofile=100:200 --shm-size 1m --stop-signal USR1 --stop-timeout 3 --restart on-failure:4 --init \
        --entrypoint sh localhost/busybox -c true
    is "$(of a '{{index .HostConfig.Binds 0}}')" "$PWD/data:/d:ro"
    is "$(of a '{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}};{{end}}')" "bind /d false;tmpfs /t true;"
    is "$(of a '{{range .Mounts}}{{.Name}}:{{.Destination}} {{end}}')" ":/d :/t "
    is "$(of a '{{.HostConfig.CapAdd}} {{.HostConfig.CapDrop}} {{.HostConfig.ReadonlyRootfs}}')" "[CAP_NET_RAW] [CAP_CHOWN] true"
    is "$(of a '{{range .HostConfig.Ulimits}}{{.Name}} {{.Soft}} {{.Hard}}{{end}}')" "nofile 100 200"
    is "$(of a '{{.HostConfig.ShmSize}} {{.HostConfig.Init}} {{.HostConfig.AutoRemove}}')" "1048576 true false"
    is "$(of a '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}')" "on-failure 4"
    is "$(of a '{{.Config.StopSignal}} {{.Config.StopTimeout}} {{.Config.Entrypoint}} {{.Config.Cmd}}')" "USR1 3 [sh] [-c true]"
}

@test "podman's spelling of names is understood" {
    rctr create --name a localhost/busybox true
    is "$(of a '{{.ID}}')" "$(id_of a)"
    is "$(of a '{{.State.OomKilled}} {{.HostConfig.NanoCPUs}}')" "false 0"
    is "$(of a '{{if .State.Healthcheck}}yes{{else}}no{{end}} {{.GraphDriver.Data.NoSuchDir}}')" "no <no value>"
}

@test "sizes are told when they are asked for" {
    rctr run --network none --name a localhost/busybox sh -c 'dd if=/dev/zero of=/f bs=1000000 count=1 2>/dev/null'
    [ "$(rctr inspect -s -f '{{.SizeRw}}' a)" -ge 1000000 ]
    [ "$(rctr container inspect --size -f '{{.SizeRootFs}}' a)" -gt "$(rctr container inspect --size -f '{{.SizeRw}}' a)" ]
    fails_with 125 'there is no field "SizeRw"' rctr inspect -f '{{.SizeRw}}' a
}

@test "several names, of several kinds; -l is the newest container" {
    rctr create --name a localhost/busybox true
    rctr create --name b localhost/busybox true
    rctr volume create data
    is "$(rctr inspect -f '{{.Name}}' a b)" "a
b"
    is "$(rctr inspect a localhost/busybox data | jq -r 'length')" 3
    is "$(rctr inspect --type volume -f '{{.Name}}' data)" data
    is "$(rctr inspect -l -f '{{.Name}}')" b
    is "$(rctr container inspect --latest -f '{{.Name}}')" b
    fails_with 125 'no such object: "nix"' rctr inspect -f '{{.Name}}' a nix b
    is "$(cat stdout)" "a
b"
}

@test "one whose monitor was killed: the state is told, not invented" {
    sleeper a
    slay a
    eventually gone "$(monitor_of a)"
    is "$(of a '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}')" "exited false -1"
    has "$(of a '{{.State.Error}}')" "its monitor was killed"
}

@test "mistakes" {
    rctr create --name a localhost/busybox true
    fails_with 125 'there is no field "Stat"; did you mean "State"?' rctr inspect -f '{{.Stat}}' a
    fails_with 125 "did you mean 'container'?" rctr inspect --type contaner a
    fails_with 125 "--latest and names contradict" rctr inspect -l a
    fails_with 125 "the name or id of something is wanted" rctr inspect
    fails_with 125 "no such container" rctr container inspect nix
    fails_with 125 "--latest means a container" rctr inspect -l --type image
}

#!/usr/bin/env bats
# also: single-uid
bats_require_minimum_version 1.5.0
# info: the host and the store, with podman's names and docker's.
load common
load lifecycle

@test "it counts containers by what they do" {
    sleeper a
    rctr create --name b localhost/busybox true
    is "$(rctr info -f '{{.Store.ContainerStore.Number}} {{.Store.ContainerStore.Running}} {{.Store.ContainerStore.Stopped}}')" "2 1 1"
    is "$(rctr info -f '{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}} {{.Images}}')" "2 1 0 1 1"
}

@test "podman's and docker's names lead to the same" {
    is "$(rctr info -f '{{.Host.Arch}} {{.Host.OS}} {{.Host.CPUs}} {{.Host.Kernel}}')" "$(rctr info -f '{{.Architecture}} {{.OSType}} {{.NCPU}} {{.KernelVersion}}')"
    is "$(rctr info -f '{{.Store.GraphRoot}} {{.Store.GraphDriverName}}')" "$(rctr info -f '{{.DockerRootDir}} {{.Driver}}')"
    is "$(rctr info -f '{{.Version.Version}}')" "$(rctr system info -f '{{.ServerVersion}}')"
    is "$(rctr info -f '{{.Host.OCIRuntime.Name}} {{.Host.Security.Rootless}}')" "rctr true"
    is "$(rctr info --format json | jq -r .store.graphRoot)" "$RCTR_STATE"
    has "$(rctr info)" "graphRoot: $RCTR_STATE"
}

@test "a wrong field is named" {
    fails_with 125 'there is no field "GraphRot"; did you mean "graphRoot"?' rctr info -f '{{.Store.GraphRot}}'
}

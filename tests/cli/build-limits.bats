#!/usr/bin/env bats
# rctr build: the limits of RUN.
# also: cgroup
load common

setup() {
    common_setup
    mkdir ctx && cd ctx
}

@test "each RUN has the memory that was given, and one that takes more is told why it ended" {
    rctr run --rm --network none -m 64m localhost/busybox true 2>/dev/null || skip "no cgroups here: run again in cgroups that root gives"
    printf 'FROM localhost/busybox\nRUN dd if=/dev/zero of=/dev/shm/x bs=1M count=40 2>/dev/null && echo enough\n' >Dockerfile
    has "$(rctr build -m 64m .)" enough
    rctr build --no-cache -m 16m --memory-swap 16m . >log 2>&1 && return 1
    has "$(cat log)" "Dockerfile:2:"
    has "$(cat log)" "the memory of --memory was used up"
}

@test "a limit that is none is refused before anything is built" {
    echo 'FROM localhost/busybox' >Dockerfile
    fails_with 125 "memory" rctr build -m lots .
    fails_with 125 "network nosuch not found" rctr build --network nosuch .
    fails_with 125 "--ulimit" rctr build --ulimit nofile=many .
}

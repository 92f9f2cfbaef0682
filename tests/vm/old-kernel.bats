bats_require_minimum_version 1.5.0
# Kernel 5.10: no overlay for users, no Landlock, no cgroup.kill: the life of containers over
# fuse-overlayfs.
load ../cli/common

teardown() {
    rctr rm -f -t 0 -a >/dev/null 2>&1 || true
    common_teardown
}

@test "this machine is what it should be" {
    [[ $(uname -r) = 5.10.* ]]
    has "$(rctr doctor --format '{{.Name}} {{.Status}} {{.Text}}')" "driver ok fuse-overlayfs"
    is "$(rctr doctor --format '{{.Status}}' | grep -c failing)" 0
}

@test "run: output, status, files, network" {
    is "$(rctr run --rm localhost/busybox echo hello)" hello
    run -7 rctr run --rm --network none localhost/busybox sh -c 'exit 7'
    rctr run --rm --network none localhost/busybox sh -c 'echo x >/file; rm /bin/vi; mkdir /a; mv /file /a/'
    rctr run --rm localhost/busybox ip address show dev tap0
    rctr run --rm --network none --read-only localhost/busybox sh -c '! touch /x 2>/dev/null'
}

@test "a container's life: create, start, exec, logs, stop, start again, rename, rm" {
    rctr create --name c --network none localhost/busybox \
        sh -c 'echo begun; echo x >>/file; trap "exit 3" TERM; while :; do sleep 0.1; done' >/dev/null
    rctr start c
    for _ in $(seq 50); do [ "$(rctr logs c)" != begun ] || break; sleep 0.1; done
    is "$(rctr exec c cat /file)" x
    rctr exec c sh -c 'echo kept >/kept'
    rctr stop -t 20 c
    is "$(rctr inspect -f '{{.State.Status}} {{.State.ExitCode}}' c)" "exited 3"
    rctr start c
    for _ in $(seq 50); do [ "$(rctr exec c cat /file | wc -l)" -lt 2 ] || break; sleep 0.1; done
    is "$(rctr exec c cat /file /kept | tr '\n' ' ')" "x x kept "
    is "$(rctr logs c | grep -c begun)" 2
    rctr rename c d
    rctr kill d
    is "$(rctr wait d)" 137
    rctr rm d
    [ -z "$(ls "$RCTR_STATE/containers")" ]
}

@test "run -d, several at once, and rm -f leave nothing" {
    for i in 1 2 3 4; do rctr run -d --name "c$i" --network none localhost/busybox sleep 60 >/dev/null; done
    rctr rm -f -t 0 -a >/dev/null
    is "$(still_running fuse-overlayfs)" ""
    is "$(ls "$RCTR_STATE/containers")" ""
    rctr system check
}

@test "a killed monitor is told, and nothing of it stays" {
    rctr run -d --name c --network none localhost/busybox sleep 60 >/dev/null
    init=$(jq .init.pid "$RCTR_STATE"/containers/*/record.json)
    kill -9 "$(jq .monitor.pid "$RCTR_STATE"/containers/*/record.json)"
    is "$(rctr inspect -f '{{.State.Status}}' c)" exited
    [ ! -e "/proc/$init" ]
    rctr start c
    rctr rm -f -t 0 c
}

@test "volumes and binds" {
    rctr run --rm --network none -v data:/d localhost/busybox sh -c 'echo kept >/d/file'
    is "$(rctr run --rm --network none -v data:/d localhost/busybox cat /d/file)" kept
    echo mine >file
    is "$(rctr run --rm --network none -v "$PWD/file:/f:ro" localhost/busybox cat /f)" mine
}

bats_require_minimum_version 1.5.0
# As root in a machine with cgroup v1: root gives folders to alice, and her containers have limits.
load ../cli/common

controllers="memory pids cpu cpuset freezer"

setup() {
    common_setup
    chmod 755 "$BATS_TEST_TMPDIR"
    export RCTR_STATE=/home/alice/state
    for c in $controllers; do
        mkdir -p "/sys/fs/cgroup/$c/alice"
        [ "$c" != cpuset ] || for f in cpus mems; do cat "/sys/fs/cgroup/cpuset/cpuset.$f" >"/sys/fs/cgroup/cpuset/alice/cpuset.$f"; done
        chown -R alice "/sys/fs/cgroup/$c/alice"
    done
}

# alice COMMAND…: as alice, in her groups.
alice() {
    (
        for c in $controllers; do echo $BASHPID >"/sys/fs/cgroup/$c/alice/cgroup.procs"; done
        cd /
        exec setpriv --reuid alice --regid alice --init-groups --reset-env -- \
            env "PATH=$PATH" "RCTR_DATADIR=$RCTR_DATADIR" "RCTR_STATE=$RCTR_STATE" HOME=/home/alice "$@"
    )
}

teardown() {
    alice rctr rm -f -t 0 -a >/dev/null 2>&1 || true
    alice rctr unshare rm -rf "$RCTR_STATE" || true
}

@test "limits are written into each hierarchy, and nothing stays" {
    alice rctr run -d --name c --network none -m 32m --pids-limit 10 --cpus 0.5 --cpuset-cpus 1 \
        localhost/busybox sleep 60
    is "$(cat /sys/fs/cgroup/memory/alice/rctr-*/memory.limit_in_bytes)" 33554432
    is "$(cat /sys/fs/cgroup/pids/alice/rctr-*/pids.max)" 10
    is "$(cat /sys/fs/cgroup/cpu/alice/rctr-*/cpu.cfs_quota_us)" 50000
    is "$(cat /sys/fs/cgroup/cpuset/alice/rctr-*/cpuset.cpus)" 1
    alice rctr update -m 64m c
    is "$(cat /sys/fs/cgroup/memory/alice/rctr-*/memory.limit_in_bytes)" 67108864
    has "$(alice rctr exec c cat /proc/self/cgroup)" ":memory:/"
    is "$(wc -l </sys/fs/cgroup/memory/alice/rctr-*/cgroup.procs)" 1
    alice rctr rm -f -t 0 c
    is "$(find /sys/fs/cgroup -name 'rctr-*')" ""
}

@test "the freezer of v1, and its end" {
    alice rctr run -d --name c --network none -m 64m localhost/busybox sleep 60
    run -0 --separate-stderr alice rctr pause c
    is "$stderr" ""
    is "$(cat /sys/fs/cgroup/freezer/alice/rctr-*/freezer.state)" FROZEN
    alice rctr unpause c
    alice rctr pause c
    alice rctr rm -f -t 0 c
    is "$(find /sys/fs/cgroup -name 'rctr-*')" ""
}

@test "too much memory: killed, and told" {
    run alice rctr run --name c --network none -m 24m localhost/busybox sh -c 'x=aaaaaaaa; while :; do x=$x$x; done'
    is "$status" 137
    is "$(jq -r .oom_killed "$RCTR_STATE"/containers/*/record.json)" true
}

@test "what root has kept is refused with its name" {
    run alice rctr run --rm --network none --blkio-weight 100 localhost/busybox true
    is "$status" 125
    has "$output" "--blkio-weight needs the cgroup v1 folder /sys/fs/cgroup/blkio"
}

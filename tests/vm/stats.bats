bats_require_minimum_version 1.5.0
# Where containers have control groups: stats and inspect tell what those count.
load ../cli/common
load ../cli/lifecycle

teardown() {
    rctr rm -f -t 0 -a >/dev/null 2>&1 || true
    common_teardown
}

# stat NAME FIELD
stat_of() {
    rctr stats --no-stream --format "{{.$2}}" "$1"
}

@test "memory is the group's, its limit too, and nothing is marked as summed" {
    rctr run -d --network none --name a -m 64m --pids-limit 50 localhost/busybox sleep 1000
    has "$(stat_of a MemUsage)" "/ 67.1 MB"
    [[ $(stat_of a MemUsage) != "~"* ]]
    [ "$(stat_of a MemUsageBytes)" -lt 20000000 ]
    is "$(stat_of a PIDs)" 1
    is "$(rctr inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}' a)" "67108864 50"
    has "$(rctr inspect -f '{{.State.CgroupPath}}' a)" /sys/fs/cgroup/
}

@test "the file cache that the kernel takes back first is not counted" {
    rctr run -d --network none --name a -m 256m localhost/busybox \
        sh -c 'dd if=/dev/zero of=/f bs=1M count=60 2>/dev/null; cat /f >/dev/null; touch /ready; sleep 1000'
    wait_ready a
    group=$(field a .cgroup)
    [ "$(cat "$group/memory.current")" -gt 50000000 ]
    [ "$(stat_of a MemUsageBytes)" -lt 40000000 ]
}

@test "processor time is the group's: of children that ended, too" {
    rctr run -d --network none --name a --cpus 0.5 localhost/busybox \
        sh -c 'i=0; while [ $i -lt 300 ]; do true | true; i=$((i+1)); done; touch /ready; sleep 1000'
    wait_ready a
    group=$(field a .cgroup)
    usec=$(sed -n 's/^usage_usec //p' "$group/cpu.stat")
    [ "$(stat_of a CPUNano)" -ge $((usec * 1000)) ]
    is "$(rctr inspect -f '{{.HostConfig.NanoCpus}} {{.HostConfig.CpuQuota}} {{.HostConfig.CpuPeriod}}' a)" "500000000 50000 100000"
}

@test "a container that was killed for want of memory says so" {
    rctr run -d --network none --name a -m 32m --memory-swap 32m localhost/busybox \
        sh -c 'x=$(dd if=/dev/zero bs=1M count=100 2>/dev/null | tr "\0" x); sleep 1000; echo "$x"' || true
    rctr wait a
    is "$(rctr inspect -f '{{.State.OOMKilled}}' a)" true
}

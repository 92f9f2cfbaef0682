bats_require_minimum_version 1.5.0
# The limits of run and create: what is asked is given, or refused with the cure.
# also: single-uid
# also: cgroup
load common

box() { # words of run, then of the program
    rctr run --rm --network none "$@"
}

# can_limit: this session may have cgroups of its own. tests/vm/run.sh shows the limits where it may.
can_limit() {
    box -m 64m localhost/busybox true 2>/dev/null
}
need_limits() {
    can_limit || skip "this session has no cgroup that it may write (tests/vm/run.sh has)"
}
need_refusal() {
    ! can_limit || skip "this session may have cgroups: nothing is refused"
}

# group NAME: the folder of its cgroup.
group() {
    jq -r .cgroup "$(grep -l "\"name\":\"$1\"" "$RCTR_STATE"/containers/*/record.json)"
}

@test "what was not asked is never refused: a container without limits has no cgroup" {
    rctr run -d --name c --network none localhost/busybox sleep 60 >/dev/null
    is "$(group c)" null
    box --cgroups enabled localhost/busybox true
    box --cgroups disabled localhost/busybox true
    box --pids-limit -1 --memory-swap -1 --cpu-quota 0 localhost/busybox true
}

@test "a limit that cannot be had is refused with its name and the cure, at create already" {
    need_refusal
    for option in "--memory 64m" "--cpus 0.5" "--cpu-shares 100" "--cpuset-cpus 0" "--pids-limit 10" \
        "--blkio-weight 100" "--memory-reservation 10m"; do
        # shellcheck disable=SC2086 # an option and its value
        fails_with 125 "${option%% *}" rctr create --network none $option localhost/busybox true
        has "$(cat stderr)" "--limits best-effort"
    done
    is "$(find "$RCTR_STATE/containers" -mindepth 1 -maxdepth 1)" ""
}

@test "best effort: rlimits and affinity, told in one line" {
    need_refusal
    run -0 --separate-stderr box --limits best-effort -m 100m --cpuset-cpus 0 --pids-limit 40 \
        localhost/busybox sh -c 'ulimit -v; grep Cpus_allowed_list /proc/self/status'
    is "${lines[0]}" 102400
    is "${lines[1]}" $'Cpus_allowed_list:\t0'
    has "$stderr" "Note: no cgroup for this container's limits: --memory limits each process alone"
    is "$(wc -l <<<"$stderr")" 1
    is "$(box --limits best-effort --cpus 0.7 localhost/busybox nproc 2>/dev/null)" 1
    fails_with 125 "--cpuset-cpus: '900' names processors that this session does not have" \
        box --limits best-effort --cpuset-cpus 900 localhost/busybox true
}

@test "best effort without limits says nothing" {
    run -0 --separate-stderr box --limits best-effort localhost/busybox true
    is "$stderr" ""
}

@test "wrong words are refused before anything is made" {
    fails_with 125 "--memory: 'lots' is not a size" box -m lots localhost/busybox true
    fails_with 125 "--memory-swap counts memory and swap together: it needs --memory too" \
        box --memory-swap 64m localhost/busybox true
    fails_with 125 "it must not be less than --memory" box -m 64m --memory-swap 32m localhost/busybox true
    fails_with 125 "--cpus and --cpu-quota cannot be set together" \
        box --cpus 1 --cpu-quota 5000 localhost/busybox true
    fails_with 125 "--cpuset-cpus: 'all' is not a list such as 0-2,7" box --cpuset-cpus all localhost/busybox true
    fails_with 125 "--pids-limit: 'x' is not a number" box --pids-limit x localhost/busybox true
    fails_with 125 "--blkio-weight: 1 is out of range (10 to 1000)" box --blkio-weight 1 localhost/busybox true
    fails_with 125 "--oom-score-adj: 2000 is out of range" box --oom-score-adj 2000 localhost/busybox true
    fails_with 125 "--memory needs a cgroup: it does not go with --cgroups disabled" \
        box --cgroups disabled -m 64m localhost/busybox true
    fails_with 125 "--cgroups some: rctr knows enabled" box --cgroups some localhost/busybox true
    fails_with 125 "--cgroup-parent: 'a/../b' is not the path of a cgroup" \
        box --cgroup-parent a/../b localhost/busybox true
    fails_with 125 "--cgroup-conf: 'memory.high' must look like" box --cgroup-conf memory.high localhost/busybox true
    is "$(find "$RCTR_STATE/containers" -mindepth 1 -maxdepth 1 2>/dev/null)" ""
}

@test "oom-score-adj: a higher one is set, a lower one is root's" {
    is "$(box --oom-score-adj 700 localhost/busybox cat /proc/self/oom_score_adj)" 700
    [ "$(id -u)" -ne 0 ] || skip "root may lower it"
    fails_with 125 "--oom-score-adj -1000: only root may make a process less likely to be killed" \
        box --oom-score-adj -1000 localhost/busybox true
}

@test "the cgroup namespace is the container's own, or the host's" {
    local inside
    box localhost/busybox readlink /proc/self/ns/cgroup >own
    box --cgroupns host localhost/busybox readlink /proc/self/ns/cgroup >host
    is "$(cat host)" "$(readlink /proc/self/ns/cgroup)"
    ! cmp -s own host
    box --cgroupns host localhost/busybox ls /sys/fs/cgroup >/dev/null
    inside=$(box localhost/busybox cat /proc/self/cgroup)
    has "$inside" "0::/"
}

@test "limits are kept in config.json as OCI wants them, and count at the next start" {
    rctr create --network none --limits best-effort -m 100m --cpus 0.5 --pids-limit 9 --name c \
        localhost/busybox sh -c 'ulimit -v' >/dev/null 2>&1
    config=$(echo "$RCTR_STATE"/containers/*/config.json)
    is "$(jq -c .linux.resources "$config")" \
        '{"cpu":{"period":100000,"quota":50000},"memory":{"limit":104857600},"pids":{"limit":9}}'
    can_limit || is "$(rctr start -a c)" 102400
}

@test "memory, processes, processors: the container's cgroup holds it to them" {
    need_limits
    rctr run -d --name c --network none -m 64m --pids-limit 10 localhost/busybox sleep 60 >/dev/null
    [ -d "$(group c | head -n 1)" ]
    is "$(rctr exec c sh -c 'for i in $(seq 20); do sleep 5 & done' 2>&1 | grep -c "can't fork")" 1
    place=$(group c)
    rctr rm -f -t 0 c
    [ ! -e "$(head -n 1 <<<"$place")" ]
}

bats_require_minimum_version 1.5.0
# In a login of a Debian with systemd and delegated cgroup v2: every limit holds, and is seen to hold.
load ../cli/common

box() { # words of run, then of the program
    rctr run --rm --network none "$@"
}

teardown() {
    rctr rm -f -t 0 -a >/dev/null 2>&1 || true
    common_teardown
}

# field NAME FIELD: of a container's record.
field() {
    jq -r "select(.name == \"$1\").$2" "$RCTR_STATE"/containers/*/record.json
}

# inside FILE: of the container's own cgroup, with the words of run behind it.
inside() {
    local file=$1
    shift
    box "$@" localhost/busybox cat "/sys/fs/cgroup/$file"
}

@test "this machine is what it should be: v2, and the session's group is root's" {
    [ -e /sys/fs/cgroup/cgroup.controllers ]
    own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
    [ ! -w "$own/cgroup.procs" ]
    has "$(rctr doctor --format '{{.Name}} {{.Status}} {{.Text}}')" "cgroup ok v2, in scopes of your systemd"
}

@test "memory, and swap with it" {
    is "$(inside memory.max -m 64m)" 67108864
    is "$(inside memory.swap.max -m 64m)" 67108864
    is "$(inside memory.swap.max -m 64m --memory-swap 64m)" 0
    is "$(inside memory.swap.max -m 64m --memory-swap 100m)" 37748736
    is "$(inside memory.swap.max -m 64m --memory-swap -1)" max
    is "$(inside memory.low --memory-reservation 32m)" 33554432
    is "$(inside memory.high --cgroup-conf memory.high=50331648)" 50331648
    fails_with 125 "--memory-swappiness: cgroup v2, which this host has, knows no such setting" \
        box -m 64m --memory-swappiness 5 localhost/busybox true
    fails_with 125 "--oom-kill-disable: cgroup v2" box -m 64m --oom-kill-disable localhost/busybox true
}

@test "too much memory: killed, and told" {
    run rctr run --name c --network none -m 24m --memory-swap 24m localhost/busybox \
        sh -c 'x=aaaaaaaa; while :; do x=$x$x; done'
    is "$status" 137
    is "$(field c oom_killed)" true
    has "$(cat "$RCTR_STATE/events")" '"oom"'
    is "$(field c cgroup)" null
    rctr start -a c || true
    is "$(field c oom_killed)" true
    rctr run --name d --network none -m 24m localhost/busybox true
    is "$(field d oom_killed)" false
}

@test "processors: time and weight" {
    is "$(inside cpu.max --cpus 0.25)" "25000 100000"
    is "$(inside cpu.max --cpu-quota 5000 --cpu-period 20000)" "5000 20000"
    is "$(inside cpu.weight --cpu-shares 1024)" 39
    is "$(inside cpu.weight -c 2)" 1
    # A tenth of a processor for a second of wall time is not half a second of work.
    used=$(rctr run --rm --network none --cpus 0.1 localhost/busybox \
        sh -c '(while :; do :; done) & sleep 2; kill $!; sed -n "s/^usage_usec //p" /sys/fs/cgroup/cpu.stat')
    [ "$used" -lt 1000000 ]
}

@test "processors and memory nodes: which ones" {
    is "$(inside cpuset.cpus.effective --cpuset-cpus 1)" 1
    is "$(box --cpuset-cpus 1 localhost/busybox sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)" 1
    is "$(inside cpuset.mems.effective --cpuset-mems 0)" 0
    fails_with 125 "--cpuset-cpus: '77' cannot be had, only 0-1 is there" \
        box --cpuset-cpus 77 localhost/busybox true
    fails_with 125 "--cpuset-mems: '5' cannot be had" box --cpuset-mems 5 localhost/busybox true
}

@test "processes" {
    is "$(inside pids.max --pids-limit 15)" 15
    run box --pids-limit 8 localhost/busybox sh -c 'for i in $(seq 20); do sleep 3 & done; echo all'
    has "$output" "can't fork"
}

@test "input and output" {
    run box --blkio-weight 505 localhost/busybox sh -c 'cd /sys/fs/cgroup; cat io.bfq.weight 2>/dev/null || cat io.weight'
    if [ "$status" -eq 0 ]; then
        [[ $output = "default 5000"* || $output = "default 505"* ]]
    else
        has "$output" "--blkio-weight: this kernel weighs no input and output"
    fi
}

@test "the whole container is in its group: also what exec brings, from another login" {
    rctr run -d --name c --network none --pids-limit 20 localhost/busybox sleep 60 >/dev/null
    place=$(field c cgroup)
    has "$place" "/user@$(id -u).service/"
    has "$place" ".scope/container"
    is "$(rctr exec c cat /proc/self/cgroup)" "0::/"
    rctr exec -d c sleep 50
    is "$(wc -l <"$place/cgroup.procs")" 2
    is "$(cat "$place/pids.max")" 20
    rctr exec c cat /sys/fs/cgroup/pids.current
}

@test "nothing stays: the group goes with the container, however it ends" {
    rctr run -d --name c --network none -m 64m localhost/busybox sleep 60 >/dev/null
    place=$(field c cgroup)
    rctr rm -f -t 0 c >/dev/null
    [ ! -e "$place" ]
    rctr run -d --name d --network none -m 64m localhost/busybox sleep 60 >/dev/null
    place=$(field d cgroup)
    kill -9 "$(field d monitor.pid)"
    rctr rm -f -t 0 d >/dev/null
    [ ! -e "$place" ]
    for _ in $(seq 50); do # systemd takes its scope away a moment later
        [ -n "$(find /sys/fs/cgroup/user.slice -name 'rctr-*')" ] || break
        sleep 0.1
    done
    is "$(find /sys/fs/cgroup/user.slice -name 'rctr-*')" ""
    is "$(systemctl --user list-units --all --no-legend 'rctr-*')" ""
}

@test "with the host's processes around it, its end is the end of all that it has begun" {
    rctr run -d --name c --network none --pid host -m 64m localhost/busybox \
        sh -c 'sleep 3003 & sleep 3003 & wait' >/dev/null
    for _ in $(seq 50); do [ "$(pgrep -fc 'sleep 3003')" -lt 2 ] || break; sleep 0.1; done
    rctr rm -f -t 0 c >/dev/null
    is "$(pgrep -f 'sleep 3003')" ""
}

@test "a command that fails to start leaves no group" {
    fails_with 127 "executable file not found" box -m 64m localhost/busybox nosuch
    sleep 0.5
    is "$(find /sys/fs/cgroup/user.slice -name 'rctr-*')" ""
}

@test "update, while it runs and when it does not" {
    rctr run -d --name c --network none -m 64m localhost/busybox sleep 60 >/dev/null
    place=$(field c cgroup)
    is "$(rctr update -m 96m --pids-limit 30 --cpus 0.5 --cpuset-cpus 0 c)" c
    is "$(cat "$place/memory.max" "$place/pids.max" "$place/cpu.max" "$place/cpuset.cpus" | tr '\n' ' ')" \
        "100663296 30 50000 100000 0 "
    rctr update --memory -1 --pids-limit -1 c
    is "$(cat "$place/memory.max" "$place/pids.max" | tr '\n' ' ')" "max max "
    fails_with 125 "--cpuset-cpus: '9' cannot be had" rctr update --cpuset-cpus 9 c
    rctr stop -t 0 c >/dev/null 2>&1
    rctr update -m 80m c
    rctr start c >/dev/null
    is "$(cat "$(field c cgroup)/memory.max")" 83886080
}

@test "a restart by the policy has the limits of the last update" {
    rctr run -d --name c --network none -m 64m --restart always localhost/busybox sleep 60 >/dev/null
    rctr update -m 96m c >/dev/null
    first=$(field c init.pid)
    kill -9 "$first"
    for _ in $(seq 100); do
        [ "$(field c state) $(field c init.pid)" = "running $first" ] || [ "$(field c state)" != running ] || break
        sleep 0.1
    done
    is "$(cat "$(field c cgroup)/memory.max")" 100663296
}

@test "pause is the freezer's, and said to nobody" {
    rctr run -d --name c --network none --cgroups enabled localhost/busybox \
        sh -c 'while :; do echo x; sleep 0.05; done' >/dev/null
    run -0 --separate-stderr rctr pause c
    is "$stderr" ""
    is "$(cat "$(field c cgroup)/cgroup.freeze")" 1
    before=$(rctr logs c | wc -l)
    sleep 0.5
    is "$(rctr logs c | wc -l)" "$before"
    rctr unpause c
    sleep 0.5
    [ "$(rctr logs c | wc -l)" -gt "$before" ]
    rctr pause c
    rctr rm -f -t 0 c # a frozen one, too
}

@test "where the group is made: a slice, one's own folder, and never where it is another's" {
    place=$(box --cgroupns host --cgroup-parent rctrtest.slice -m 64m localhost/busybox cat /proc/self/cgroup)
    has "$place" "/rctrtest.slice/rctr-"
    fails_with 125 "--cgroup-parent /system.slice: you may not write the cgroup" \
        box --cgroup-parent /system.slice -m 64m localhost/busybox true
    fails_with 125 "--cgroup-parent /nowhere: there is no cgroup" \
        box --cgroup-parent /nowhere -m 64m localhost/busybox true
    fails_with 125 "--cgroups split: the session's own cgroup" box --cgroups split localhost/busybox true
}

@test "below a unit that is delegated: the group is made beside its own processes" {
    # shellcheck disable=SC2016 # the inner shell expands it
    systemd-run --user --scope -q -p Delegate=yes bash -c '
        for i in 1 2; do
            rctr run --rm --network none --cgroupns host --cgroups split -m 64m localhost/busybox cat /proc/self/cgroup
        done
        cat /proc/self/cgroup
        ls -d /sys/fs/cgroup$(sed "s/^0:://; s#/rctr.self##" /proc/self/cgroup)/rctr-*' >said 2>&1 || true
    is "$(grep -c '/run-.*\.scope/rctr-[0-9a-f]*$' said)" 2
    grep -q '/rctr\.self$' said
    grep -q 'No such file' said # nothing stays but the leaf
}

@test "without a systemd that answers, the refusal names the cure" {
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
    fails_with 125 "no systemd of this user answers (cure: log in by ssh" box -m 64m localhost/busybox true
    box localhost/busybox true
    run -0 --separate-stderr box --limits best-effort -m 100m localhost/busybox sh -c 'ulimit -v'
    is "$output" 102400
    has "$stderr" "no cgroup for this container's limits"
}

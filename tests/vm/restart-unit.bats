bats_require_minimum_version 1.5.0
# The user unit rctr-restart.service in a login with systemd: what runs in it, how it ends, and what
# a killed user manager, which is what a power cut looks like, leaves to be started again.
load ../cli/common
load ../cli/lifecycle

setup() {
    common_setup
    local units=$HOME/.config/systemd/user
    mkdir -p "$units/rctr-restart.service.d"
    sed "s|@bindir@|$(dirname "$(command -v rctr)")|" "$RCTR_DATADIR/systemd/rctr-restart.service.in" >"$units/rctr-restart.service"
    cat >"$units/rctr-restart.service.d/state.conf" <<END
[Service]
Environment=RCTR_STATE=$RCTR_STATE RCTR_DATADIR=$RCTR_DATADIR
END
    systemctl --user daemon-reload
}

teardown() {
    systemctl --user stop rctr-restart.service || true
    common_teardown
}

states() { # NAME...
    for name; do echo "$name $(rctr inspect --format '{{.State.Status}}' "$name")"; done
}

@test "systemd has nothing to complain of" {
    systemd-analyze verify --user --man=no "$HOME/.config/systemd/user/rctr-restart.service"
}

@test "the unit starts what its policy wants, in its own cgroup, and stops it in order" {
    start_one always --restart always
    start_one unless --restart unless-stopped
    start_one stopped --restart unless-stopped
    start_one none
    rctr stop stopped >/dev/null
    slay always unless none
    systemctl --user start rctr-restart.service
    is "$(states always unless stopped none)" "always running
unless running
stopped exited
none exited"
    has "$(cat "/proc/$(monitor_of always)/cgroup")" rctr-restart.service
    wait_ready always
    eventually rctr exec unless test -e /ready
    systemctl --user stop rctr-restart.service
    is "$(states always unless)" "always exited
unless exited"
    is "$(field always .exit_code) $(field unless .exit_code)" "3 3" # by their stop signal, not killed
    systemctl --user start rctr-restart.service
    is "$(states always unless stopped)" "always running
unless running
stopped exited"
}

@test "one that cannot start does not end the others" {
    mkdir there
    sleeper good --restart always
    sleeper bad --restart always -v "$PWD/there:/there"
    slay good bad
    rmdir there
    systemctl --user start rctr-restart.service
    is "$(states good bad)" "good running
bad exited"
    is "$(systemctl --user is-active rctr-restart.service)" active
}

@test "a container of a limit runs in the unit, too" {
    sleeper small --restart always --memory 64m
    slay small
    systemctl --user start rctr-restart.service
    is "$(states small)" "small running"
    is "$(rctr exec small cat /sys/fs/cgroup/memory.max)" 67108864
}

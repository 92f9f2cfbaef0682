bats_require_minimum_version 1.5.0
# As root in a machine: what an administrator may have turned off, and what doctor and run say then.
load ../cli/common

setup() {
    common_setup
    export RCTR_STATE=/home/alice/state
}

teardown() {
    sysctl -q kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000 2>/dev/null || true
    chmod u+s /usr/bin/newuidmap
    chmod 0666 /dev/fuse /dev/net/tun
    echo alice:100000:65536 | tee /etc/subuid >/etc/subgid
    alice 'rctr unshare rm -rf "$RCTR_STATE"' || true
}

# alice COMMAND: in a login of alice's.
alice() {
    su -l alice -c "export PATH=$PATH RCTR_DATADIR=$RCTR_DATADIR RCTR_STATE=$RCTR_STATE; $1"
}

# finding NAME: "status text (cure)".
finding() {
    alice 'rctr doctor --json' | jq -r --arg name "$1" \
        '[.[] | select(.Name == $name) | .Status + " " + .Text + " (" + .Cure + ")"] | join("; ")'
}

@test "user namespaces forbidden by Debian's switch" {
    sysctl -q kernel.unprivileged_userns_clone=0 || skip "this kernel has no such switch"
    has "$(finding userns-switch)" "failing this host forbids user namespaces to users"
    has "$(finding userns)" "failing a user namespace cannot be used"
    run alice 'rctr doctor'
    is "$status" 1
    run alice 'rctr run --rm --network none localhost/busybox true'
    is "$status" 125
    has "$output" "sysctl kernel.unprivileged_userns_clone=1"
}

@test "no user namespaces at all" {
    sysctl -q user.max_user_namespaces=0
    has "$(finding userns-switch)" "failing this host allows no user namespace at all (user.max_user_namespaces=0)"
    run alice 'rctr run --rm --network none localhost/busybox true'
    is "$status" 125
    has "$output" "sysctl user.max_user_namespaces=15000"
}

@test "newuidmap without its privilege, and no range: a single user" {
    chmod u-s /usr/bin/newuidmap
    [ -z "$(getcap /usr/bin/newuidmap 2>/dev/null)" ] || skip "newuidmap has a capability here"
    has "$(finding newuidmap)" "warning /usr/bin/newuidmap has lost its privilege"
    chmod u+s /usr/bin/newuidmap
    is "$(finding newuidmap)" "ok /usr/bin/newuidmap ()"
    echo eve:100000:65536 | tee /etc/subuid >/etc/subgid
    has "$(finding subuid)" "warning no range for alice in /etc/subuid"
    is "$(alice 'rctr run --rm --network none localhost/busybox id -u')" 0
}

@test "devices that only root may open" {
    chmod 0600 /dev/fuse /dev/net/tun
    has "$(finding fuse)" "warning /dev/fuse: Permission denied"
    has "$(finding tun)" "warning /dev/net/tun: Permission denied"
    has "$(finding tun)" "chmod 0666 /dev/net/tun"
    chmod 0666 /dev/fuse /dev/net/tun
    has "$(finding tun)" "ok /dev/net/tun"
}

@test "a stock delegation: what can be limited, and what not" {
    rm /etc/systemd/system/user@.service.d/delegate.conf
    systemctl daemon-reload
    systemctl restart user@1000.service
    has "$(finding cgroup)" "info v2, in scopes of your systemd: limits of memory cpu pids can be had, not of cpuset io"
    run alice 'rctr run --rm --network none --cpuset-cpus 0 localhost/busybox true'
    is "$status" 125
    has "$output" '--cpuset-cpus needs the cgroup controller "cpuset", which is not delegated to this user'
    is "$(alice 'rctr run --rm --network none -m 64m localhost/busybox cat /sys/fs/cgroup/memory.max')" 67108864
}

@test "by su, without a session: its limits come from a systemd that lingers, or the cure is told" {
    is "$(finding linger | cut -d ' ' -f 1)" ok
    loginctl disable-linger alice
    systemctl stop user@1000.service
    # shellcheck disable=SC2016 # the inner shell expands it
    run setpriv --reuid alice --regid alice --init-groups --reset-env -- env "PATH=$PATH" \
        "RCTR_DATADIR=$RCTR_DATADIR" "RCTR_STATE=$RCTR_STATE" HOME=/home/alice \
        rctr run --rm --network none -m 64m localhost/busybox true
    is "$status" 125
    has "$output" "no systemd of this user answers"
    loginctl enable-linger alice
}

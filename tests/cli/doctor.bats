bats_require_minimum_version 1.5.0
# doctor: this host, each finding with its status and cure.
# also: single-uid
load common

# status NAME: of a finding.
status_of() {
    rctr doctor --json | jq -r --arg name "$1" '[.[] | select(.Name == $name) | .Status][0]'
}

@test "on a host that runs containers nothing is failing" {
    rctr run --rm --network none localhost/busybox true
    rctr doctor >said
    ! grep -q '^failing' said
    grep -q '^ok  *userns ' said
    grep -q '^ok  *driver ' said || grep -q '^warning  *driver ' said
    ! grep -q $'\033' said # colours are for terminals
}

@test "as JSON, with four members each" {
    rctr doctor --json >j || [ $? -eq 1 ]
    is "$(jq -r '[.[] | keys | join(" ")] | unique | join("|")' j)" "Cure Name Status Text"
    is "$(jq '[.[].Status] - ["ok", "info", "warning", "failing"] | length' j)" 0
    is "$(jq '[.[] | select(.Status == "warning" and .Cure == "")] | length' j)" 0
    is "$(rctr doctor --format json | jq length)" "$(jq length j)"
    is "$(rctr system doctor --format '{{.Name}}' | head -n 1)" kernel
    fails_with 125 'no field "Nam"' rctr doctor --format '{{.Nam}}'
}

@test "the ids that this user has" {
    if grep -q "^$(id -un):" /etc/subuid; then
        is "$(status_of subuid)" ok
    elif [ "$(id -u)" -ne 0 ]; then
        is "$(status_of subuid)" warning
        has "$(rctr doctor)" "usermod --add-subuids"
    fi
}

@test "a session that may gain no privileges is told so" {
    need_command setpriv
    run setpriv --no-new-privs rctr doctor
    has "$output" "this session may gain no privileges (no_new_privs)"
}

@test "a host without user namespaces: failing, status 1, with the cure" {
    # A namespace inside of which no more can be made: as on a host with user.max_user_namespaces=0.
    unshare -Ur true 2>/dev/null || skip "unshare cannot make a user namespace here"
    unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces' 2>/dev/null ||
        skip "the limit cannot be set here"
    # shellcheck disable=SC2016 # the inner shell expands it
    run unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; rctr doctor; echo "status $?"'
    has "$output" "user.max_user_namespaces=0"
    has "$output" "sysctl user.max_user_namespaces=15000"
    has "$output" "failing  userns "
    has "$output" "status 1"
}

@test "a state folder that cannot be used is failing" {
    echo >file
    RCTR_STATE=$PWD/file run -1 rctr doctor
    has "$output" "failing  state"
    has "$output" "set RCTR_STATE to another folder"
}

@test "what it does not know is refused" {
    fails_with 125 "unknown flag: --fast" rctr doctor --fast
    run -125 rctr doctor me
}

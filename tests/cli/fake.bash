# fake.bash - tests/tools/fake-registry.py beside the tests of a file:   load fake
#
#   setup_file() { fake_start; }   teardown_file() { fake_stop; }   setup() { common_setup; fake_setup; }
# $HTTP, $OTHER (a second origin) and $TLS are its addresses, $FAKE its folder.
# shellcheck shell=bash

fake_start() {
    export FAKE=$BATS_FILE_TMPDIR/fake
    mkdir "$FAKE"
    python3 "$BATS_TEST_DIRNAME/../tools/fake-registry.py" "$FAKE" >"$FAKE/out" 2>&1 3>&- &
    echo $! >"$FAKE/pid"
    for _ in $(seq 200); do
        [ -e "$FAKE/ports" ] && break
        sleep 0.1
    done
    cat "$FAKE/out" >&2
    read -r HTTP OTHER TLS <"$FAKE/ports"
    export HTTP=127.0.0.1:$HTTP OTHER=127.0.0.1:$OTHER TLS=127.0.0.1:$TLS
}

fake_stop() {
    kill "$(cat "$FAKE/pid")"
}

# What the machine's administrator or user has configured is not asked.
fake_setup() {
    : >"$BATS_TEST_TMPDIR/registries.conf"
    echo '{}' >"$BATS_TEST_TMPDIR/auth.json"
    export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf
    export REGISTRY_AUTH_FILE=$BATS_TEST_TMPDIR/auth.json
}

# No object, no name and nothing in progress is in the store.
store_is_empty() {
    local left
    left=$(cd "$RCTR_STATE" && { find . -type f -not -path ./lock -not -path ./version -not -path './cache/*'
        find ./cache/pull ./layers ./tmp -mindepth 1; } 2>/dev/null) || true
    [ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

# refused FAULT WORDS [OPTION...]: the pull fails with these words and leaves nothing behind.
refused() {
    local fault=$1 words=$2
    shift 2
    fails_with 125 "$words" rctr pull -q "$@" "$HTTP/$fault/$BATS_TEST_NUMBER"
    store_is_empty
}

# succeeds FAULT [OPTION...]: into a store of its own
succeeds() {
    local fault=$1
    shift
    export RCTR_STATE=$BATS_TEST_TMPDIR/state-$fault
    rctr pull "$@" "$HTTP/$fault/$BATS_TEST_NUMBER" 2>"$BATS_TEST_TMPDIR/stderr"
    is "$(cat "$RCTR_STATE"/layers/*/tree/hello)" hello
    is "$(find "$RCTR_STATE/tmp" -type f -not -name '*.lock')" ""
}

asked() { # how many lines of the fake's log fit
    grep -c "$1" "$FAKE/log" || true
}

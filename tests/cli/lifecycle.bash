# lifecycle.bash - containers that live on, for tests.
# shellcheck shell=bash

# start_one NAME [OPTION...]: a container that ends with 3 at SIGTERM, and writes a line into /file
# at each start.
start_one() {
    local name=$1
    shift
    # shellcheck disable=SC2016 # the container's shell expands it
    rctr run -d --network none --name "$name" "$@" localhost/busybox sh -c \
        'echo started >>/file; trap "exit 3" TERM; trap "echo hup >>/file" HUP; echo ready >/ready; while :; do sleep 0.05; done' >/dev/null
    wait_ready "$name"
}

# Until its program has set its traps.
wait_ready() {
    local id=$1
    [ "${#1}" = 64 ] || id=$(readlink "$RCTR_STATE/names/$1")
    for _ in $(seq 200); do
        [ ! -e "$RCTR_STATE/containers/$id/upper/ready" ] || return 0
        sleep 0.02
    done
    echo "$1 does not get ready"
    return 1
}

# sleeper NAME [OPTION...]: one whose program takes no notice of SIGTERM.
sleeper() {
    local name=$1
    shift
    rctr run -d --network none --name "$name" "$@" localhost/busybox sleep 1000 >/dev/null
}

id_of() {
    readlink "$RCTR_STATE/names/$1"
}

# field NAME .FIELD: of its record on disk.
field() {
    jq -r "$2" "$RCTR_STATE/containers/$(id_of "$1")/record.json"
}

# The monitor's pid on the host.
monitor_of() {
    field "$1" .monitor.pid
}

# eventually COMMAND...: it succeeds within some seconds.
eventually() {
    for _ in $(seq 250); do
        "$@" && return
        sleep 0.02
    done
    echo "not within 5 seconds: $*"
    return 1
}

# gone PID: the process is not there, or only waits to be reaped.
gone() {
    case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in '' | Z* | X*) return 0 ;; esac
    return 1
}

# slay NAME...: kill their monitors; on return these are dead.
slay() {
    local name pid
    for name; do
        pid=$(monitor_of "$name")
        kill -9 "$pid"
        eventually gone "$pid"
    done
}

#!/usr/bin/env bats
# pull, push and load killed at any moment: the next command works, goes on where the killed one was,
# and nothing is left. Many pulls of one image at once are one download.
bats_require_minimum_version 1.5.0
load common
load crash
load image

setup_file() {
    export SLOW=$BATS_FILE_TMPDIR/slow
    mkdir "$SLOW"
    python3 "$BATS_TEST_DIRNAME/../tools/slow-registry.py" "$SLOW" >"$SLOW/out" 2>&1 3>&- &
    echo $! >"$SLOW/pid"
    for _ in $(seq 200); do
        [ -e "$SLOW/port" ] && break
        sleep 0.1
    done
    cat "$SLOW/out" >&2
    HTTP=127.0.0.1:$(cat "$SLOW/port")
    export HTTP
}

teardown_file() {
    kill "$(cat "$SLOW/pid")"
}

setup() {
    common_setup
    : >"$BATS_TEST_TMPDIR/registries.conf"
    export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf
    rate 0
    : >"$SLOW/log"
}

teardown() {
    RCTR_STATE=$BATS_TEST_TMPDIR/else common_teardown
    common_teardown
}

rate() { echo "$1" >"$SLOW/rate.new" && mv "$SLOW/rate.new" "$SLOW/rate"; }
missing() { python3 "$BATS_TEST_DIRNAME/../tools/slow-registry.py" "$SLOW" missing "$RCTR_STATE"; }
sent() { awk -v kind="$1" '$1 == kind {n += $3} END {print n + 0}' "$SLOW/log"; }

# The registry has noticed that its client is dead, and nothing more comes.
served() {
    for _ in $(seq 100); do
        [ "$(grep -c START "$SLOW/log")" = "$(grep -vc START "$SLOW/log")" ] && return
        sleep 0.05
    done
    cat "$SLOW/log"
    return 1
}

# kill_at WHOM SECONDS COMMAND...: all of its processes, or one of them.
kill_at() {
    local whom=$1 when=$2 pid victims
    shift 2
    "$@" </dev/null >/dev/null 2>&1 3>&- &
    pid=$!
    sleep "$when"
    victims=$(family $pid)
    [ "$whom" = all ] || victims=$(echo "$victims" | sed -n "$((RANDOM % $(echo "$victims" | wc -l) + 1))p")
    # shellcheck disable=SC2086 # a list of numbers
    kill -9 $victims 2>/dev/null || true
    timeout 10 tail -s 0.02 --pid=$pid -f /dev/null || { echo "it hangs after the kill"; return 1; }
    wait $pid || true
}

# lasts COMMAND...: how many milliseconds it takes when nobody kills it, in $SPAN.
lasts() {
    local began=${EPOCHREALTIME/./}
    "$@" >/dev/null
    SPAN=$(((${EPOCHREALTIME/./} - began) / 1000 + 5))
}

# A moment in that time, in seconds, in $MOMENT (a subshell would draw the same number each time).
moment() {
    local ms=$((RANDOM % SPAN))
    printf -v MOMENT '%d.%03d' $((ms / 1000)) $((ms % 1000))
}

# Nothing temporary, no lock of a pull.
tidy() {
    is "$(find "$RCTR_STATE/tmp" "$RCTR_STATE/cache/pull" -mindepth 1 2>/dev/null)" ""
    is "$(find "$RCTR_STATE" -name '.*.tmp')" ""
}

verified() { has "$(rctr system check)" "no problems"; }

# pull_killed ROUNDS WHOM: each time into an empty store, then pulled to the end.
pull_killed() {
    local left round some=0
    RANDOM=$1$1
    rate 5000000
    lasts rctr pull -q "$HTTP/some/image"
    rctr rmi -f "$HTTP/some/image" >/dev/null
    for round in $(seq "$1"); do
        rate 5000000
        moment
        kill_at "$2" "$MOMENT" rctr pull -q "$HTTP/some/image"
        rate 0
        served
        left=$(missing)
        : >"$SLOW/log"
        rctr pull -q "$HTTP/some/image"
        echo "round $round: $left bytes were missing, $(sent layer) were sent"
        is "$(sent layer)" "$left"
        [ "$left" -eq 0 ] || [ "$left" -ge 6000000 ] || some=$((some + 1))
        tidy
        verified
        rctr rmi -f "$HTTP/some/image" >/dev/null
        is "$(find "$RCTR_STATE/layers" "$RCTR_STATE/blobs/sha256" -mindepth 1)" ""
    done
    [ "$some" -ge $(($1 / 5)) ] # else the moments were not those that this is about
}

@test "pull killed at 40 moments: the next one fetches only what is missing" {
    pull_killed 25 all
    pull_killed 15 one
}

@test "pull killed again and again gets there in the end" {
    rate 3000000
    for _ in $(seq 20); do
        kill_at all 0.15 rctr pull -q "$HTTP/some/image"
    done
    rate 0
    rctr pull -q "$HTTP/some/image"
    served
    tidy
    verified
    # what was in a socket when its reader died is sent again, no more than that
    [ "$(sent layer)" -lt $((2 * 6000000)) ]
}

@test "50 pulls of one image at once are one download" {
    rate 20000000
    for n in $(seq 50); do
        rctr pull -q "$HTTP/some/image" >"id.$n" 2>"error.$n" 3>&- &
    done
    wait
    is "$(cat id.* | sort | uniq -c | awk '{print $1}')" 50
    is "$(cat error.* | sort -u)" ""
    served
    is "$(grep -v START "$SLOW/log" | sort | uniq -c | awk '{print $1}' | tr '\n' ' ')" "1 1 1 1 1 "
    is "$(grep START "$SLOW/log" | sort | uniq -d)" ""
    tidy
    verified
}

# taken_over REPOSITORY...: one pull of some/image works and is killed while others of these wait.
taken_over() {
    local first n pids=()
    rate 500000
    rctr pull -q "$HTTP/some/image" 3>&- &
    first=$!
    for _ in $(seq 100); do # it works, and has some of it
        [ "$(missing)" -lt 5500000 ] && break
        sleep 0.02
    done
    for n; do
        rctr pull -q "$HTTP/$n/image" >/dev/null 2>"error.${n//\//-}" 3>&- &
        pids+=($!)
    done
    sleep 0.1
    kill -9 $first
    wait $first || true
    rate 0
    for n in "${pids[@]}"; do
        wait "$n" || { cat error.*; return 1; }
    done
    served
    # Nothing is asked for a second time from its beginning. More than the layers have in sum: what
    # was in the first one's sockets when it died.
    [ "$(grep -c 'START layer' "$SLOW/log")" -le 8 ]
    [ "$(sent layer)" -lt 7000000 ]
    tidy
    verified
}

@test "when the one of 20 pulls that works is killed, another goes on where it was" {
    # shellcheck disable=SC2046 # 20 words
    taken_over $(seq -f some/%g 20)
}

@test "so do pulls of another image that stands on the same layers" {
    # shellcheck disable=SC2046 # 5 words
    taken_over $(seq -f other/%g 5)
}

@test "what a killed pull has left is not believed" {
    rate 3000000
    kill_at all 0.25 rctr pull -q "$HTTP/some/image"
    served
    for file in "$RCTR_STATE"/tmp/*/*.0; do
        printf wrong | dd of="$file" bs=1 seek=20000 conv=notrunc status=none
    done
    rate 0
    rctr pull "$HTTP/some/image" 2>err
    has "$(cat err)" "damaged"
    tidy
    verified
    rctr rmi -f "$HTTP/some/image"
    # as long as it may be and no byte longer, with a hole at its end
    rate 3000000
    kill_at all 0.25 rctr pull -q "$HTTP/some/image"
    for file in "$RCTR_STATE"/tmp/*/*.0; do
        truncate -s "$(curl -sI "http://$HTTP/v2/x/blobs/sha256:$(basename "$file" .0)" | tr -d '\r' | awk '/^Content-Length/ {print $2}')" "$file"
    done
    rate 0
    rctr pull -q "$HTTP/some/image"
    tidy
    verified
}

elsewhere() { RCTR_STATE=$BATS_TEST_TMPDIR/else rctr "$@"; }

# What the registry has under a name is whole: every blob of it is there.
whole_or_nothing() { # REPOSITORY TAG
    local url=http://$RCTR_TEST_REGISTRY/v2/$1 blob
    curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "$url/manifests/$2" >manifest || return 0
    for blob in $(jq -r '.config.digest, .layers[].digest' manifest); do
        curl -sfI "$url/blobs/$blob" >/dev/null || { echo "$blob is missing"; return 1; }
    done
}

new_image() { # that no registry has a part of
    head -c 4000000 /dev/urandom >noise
    tar -cf noise.tar noise
    rctr import -q noise.tar localhost/pushed
    rctr image prune -f
}

push_killed() { # ROUNDS WHOM
    local round repo begun=0
    RANDOM=$1$1
    new_image
    lasts rctr push -q localhost/pushed "$RCTR_TEST_REGISTRY/crash$$x$RANDOM$RANDOM:1"
    for round in $(seq "$1"); do
        new_image
        repo=crash$$x$RANDOM$RANDOM
        moment
        kill_at "$2" "$MOMENT" rctr push -q localhost/pushed "$RCTR_TEST_REGISTRY/$repo:1"
        [ -z "$(ls "$RCTR_STATE/tmp")" ] || begun=$((begun + 1))
        whole_or_nothing "$repo" 1
        echo "round $round"
        rctr push -q localhost/pushed "$RCTR_TEST_REGISTRY/$repo:1"
        tidy
        verified
        elsewhere pull -q "$RCTR_TEST_REGISTRY/$repo:1"
        is "$(elsewhere image inspect -f '{{.Id}}' "$RCTR_TEST_REGISTRY/$repo:1")" "$(rctr image inspect -f '{{.Id}}' localhost/pushed)"
        elsewhere rmi -f "$RCTR_TEST_REGISTRY/$repo:1"
        rctr rmi localhost/pushed
    done
    echo "$begun of $1 were killed while they worked"
    [ "$2" = one ] || [ "$begun" -ge $(($1 / 5)) ]
    is "$(find "$RCTR_STATE/cache" -name 'packed*')" ""
}

@test "push killed at 40 moments: the name at the registry is whole or not there, the next push works" {
    need_registry
    push_killed 25 all
    push_killed 15 one
}

load_killed() { # ROUNDS WHOM ARCHIVE
    local round begun=0
    RANDOM=$1$1
    lasts rctr load -q -i "$3"
    rctr rmi -f "$ID"
    for round in $(seq "$1"); do
        moment
        kill_at "$2" "$MOMENT" rctr load -q -i "$3"
        [ -z "$(ls "$RCTR_STATE/tmp")" ] || begun=$((begun + 1))
        echo "round $round of $3"
        rctr load -q -i "$3"
        tidy
        verified
        is "$(rctr images -q)" "$ID"
        rctr rmi -f "$ID"
        is "$(find "$RCTR_STATE/layers" "$RCTR_STATE/blobs/sha256" -mindepth 1)" ""
    done
    echo "$begun of $1 were killed while they worked"
    [ "$2" = one ] || [ "$begun" -ge $(($1 / 5)) ]
}

@test "load killed at 40 moments: the next load works" {
    rctr pull -q "$HTTP/some/image"
    ID=$(rctr images -q)
    rctr save -q -o docker.tar "$HTTP/some/image"
    rctr save -q --format oci-archive -o oci.tar "$HTTP/some/image"
    rctr rmi -f "$ID"
    load_killed 12 all docker.tar
    load_killed 13 all oci.tar
    load_killed 8 one docker.tar
    load_killed 7 one oci.tar
}

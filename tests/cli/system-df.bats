#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# system df, system prune, image prune, system reset: what takes the disk, and giving it back.
# also: single-uid
load common
load image

sums() { rctr system df --format '{{.Type}}: {{.Total}} {{.Active}}' | tr '\n' ';'; }
raw() { rctr system df --format json | jq ".[] | select(.Type == \"$1\") | .$2"; }

# in_use NAME: a stopped container made from localhost/busybox
in_use() { rctr run --network none --name "$1" localhost/busybox sh -c 'head -c 200000 /dev/zero >/big'; }

# All that is in the state folder, as root of the user's namespace counts it.
disk() { rctr unshare du -s -B1 "$RCTR_STATE" | cut -f 1; }

# honest WHEN: the sizes add up to what du says, within 1 %; twice, since the second time layers
# are not counted again.
honest() {
    local got want
    for _ in 1 2; do
        got=$(rctr system df --format json | jq 'map(.RawSize) | add')
        want=$(disk)
        echo "$1: system df $got, du $want"
        [ "$((100 * (got > want ? got - want : want - got)))" -le "$want" ]
        [ "$(rctr system df --format json | jq 'map(.RawReclaimable) | add')" -le "$got" ]
    done
}

@test "an empty store takes nothing" {
    is "$(rctr system df | head -1)" "TYPE            TOTAL   ACTIVE   SIZE      RECLAIMABLE"
    has "$(sums)" "Images: 0 0;Containers: 0 0;Local Volumes: 0 0;Build Cache: 0 0;Blobs: 0 0;Other: "
    is "$(rctr system df --format '{{.Type}} {{.Size}} {{.Reclaimable}}' | grep -v '^Other' | sed 's/^[A-Za-z ]* 0 B/0 B/' | sort -u)" "0 B 0 B (0%)"
    is "$(raw Other RawReclaimable)" 0
    honest "nothing yet"
}

@test "the sizes add up to what du says, whatever there is" {
    image_load one hello
    honest "an image loaded"
    in_use c
    honest "another, and a container with data"
    image_stack localhost/base '{}' one two
    image_stack localhost/more '{}' one two three
    honest "images that share layers"
    rctr commit -q c localhost/own
    honest "a layer of our own, plain"
    rctr run --network none --name links localhost/busybox sh -c 'head -c 3000000 /dev/zero >/a; for i in 1 2 3 4 5; do ln /a /a$i; done'
    honest "hard links in a container"
    rctr commit -q links localhost/links
    honest "hard links in a layer"
    rctr run --network none --name hole localhost/busybox truncate -s 1G /hole
    honest "a hole in a container"
    rctr run --rm --network none -v data:/d localhost/busybox sh -c 'head -c 2000000 /dev/zero >/d/a; mkdir -m 0 /d/shut; chown 1000 /d/a || true'
    honest "a volume"
    rctr run -d --network none --name running localhost/busybox sh -c 'echo hello; sleep 1000'
    honest "a container that runs"
    rctr run --rm --network none --userns keep-id localhost/busybox true
    honest "layers copied for another user map"
    RCTR_STORAGE_DRIVER=copy rctr run --network none --name copied localhost/busybox true
    honest "a container of the copying driver"
    mkdir -p "$RCTR_STATE/tmp/dead.1.1"
    head -c 1000000 /dev/urandom >"$RCTR_STATE/tmp/dead.1.1/$(printf '%064d' 0).0"
    honest "what a killed pull has left"
    [ "$(raw Other RawReclaimable)" -ge 1000000 ]
    head -c 500000 /dev/urandom >"$RCTR_STATE/cache/something"
    honest "a cache"
    rctr rm -f -t 0 running
    rctr rmi localhost/own
    honest "an image less"
    rctr rm -a
    rctr image prune -af
    honest "after a prune"
    rctr system prune -af --volumes
    honest "after another"
    is "$(rctr system df --format '{{.Type}}: {{.Size}}' | grep -cE '^(Images|Containers|Local Volumes|Blobs): 0 B$')" 4
}

@test "a layer's size is counted once and noted" {
    image_load one hello
    rctr system df
    is "$(find "$RCTR_STATE/layers" -name usage.json | wc -l)" 1
    before=$(raw Images RawSize)
    # a note is believed while the layer has the same entries, else not
    sed -i 's/"bytes": *[0-9]*/"bytes":12345678/' "$RCTR_STATE"/layers/*/usage.json
    [ "$(raw Images RawSize)" -gt 12345677 ]
    printf '{"entries' >"$(echo "$RCTR_STATE"/layers/*/usage.json)"
    is "$(raw Images RawSize)" "$before"
    rctr system check
}

@test "images, containers and volumes are counted" {
    image_load one hello
    rctr tag one two
    in_use c
    rctr volume create v
    rctr create --network none -v used:/d --name d localhost/busybox true
    is "$(sums | cut -d';' -f1-3)" "Images: 2 1;Containers: 2 0;Local Volumes: 2 1"
    [ "$(raw Containers RawReclaimable)" -ge 200000 ]
    [ "$(raw Images RawReclaimable)" -lt "$(raw Images RawSize)" ]
    id=$(rctr run -d --network none --name e localhost/busybox sleep 1000)
    has "$(sums)" "Containers: 3 1;"
    rctr system df -v >out
    grep -qE '^localhost/one +latest .* 0 B .* 0$' out
    grep -qE "^localhost/busybox +latest .* 3$" out
    grep -qE "^${id:0:12} .*running +e$" out
    grep -qE '^v +0 +' out
    grep -qE '^used +1 +' out
    fails_with 125 "cannot combine --format and --verbose" rctr system df -v --format json
    rctr rm -f -t 0 e
}

@test "a layer that two images share counts once" {
    image_load one hello
    rctr create --network none --name c localhost/busybox true
    both=$(raw Images RawSize)
    oci=$BATS_TEST_TMPDIR/oci
    image_archive a.tar three hello '{"Labels":{"x":"y"}}' # another config over the same layer
    rctr load -q -i a.tar
    is "$(rctr images -q | sort -u | wc -l)" 3
    is "$(raw Images RawSize)" "$both"
    is "$(rctr system df -v | grep -cE 'localhost/(one|three) .* ([0-9.]+ kB) +\2 +0 B +0$')" 2
    [ ! -e "$oci" ]
}

@test "image prune takes dangling images, with -a all that are not in use" {
    image_load one hello
    image_load one again # the first one has no name any more
    in_use c
    image_load free hello3
    is "$(rctr images -q | wc -l)" 4
    has "$(echo n | rctr image prune)" "WARNING! This will remove all dangling images."
    is "$(rctr images -q | wc -l)" 4
    run -0 rctr image prune -f
    is "$(grep -cE '^[0-9a-f]{64}$' <<<"$output")" 1
    has "$output" "Total reclaimed space: "
    is "$(rctr images -q | wc -l)" 3
    echo y | rctr image prune -a >out
    is "$(grep -oE '[0-9a-f]{64}$' out | wc -l)" 2
    is "$(rctr images --format '{{.Repository}}')" localhost/busybox
    is "$(raw Blobs RawReclaimable)" 0
    run -0 rctr system check
    has "$output" "no problems"
}

@test "image prune keeps what its filters leave" {
    image_load one hello '{"Labels":{"keep":"no"}}'
    image_load two hello2
    rctr image prune -af --filter until=2000-01-01
    is "$(rctr images -q | wc -l)" 2
    rctr image prune -af --filter 'label!=keep' --filter label=keep
    is "$(rctr images -q | wc -l)" 2
    rctr image prune -af --filter label=keep=no
    is "$(rctr images --format '{{.Repository}}')" localhost/two
    fails_with 125 "did you mean 'label'?" rctr image prune -f --filter labl=x
    fails_with 125 "--filter until: 'x' is neither" rctr image prune -f --filter until=x
}

@test "system prune asks, then takes what is not in use" {
    in_use c
    rctr run -d --network none --name running localhost/busybox sleep 1000
    rctr volume create named
    rctr create --network none -v /anonymous --name d localhost/busybox true
    image_load free hello
    fails_with 125 "nobody answered" rctr system prune </dev/null
    is "$(rctr ps -aq | wc -l)" 3
    run -0 rctr system prune <<<"y"
    has "$output" "- all stopped containers"
    has "$output" "Deleted Containers"
    is "$(rctr ps -a --format '{{.Names}}')" running
    is "$(rctr images -q | wc -l)" 2
    is "$(rctr volume ls -q | wc -l)" 2
    rctr system prune -f --volumes
    is "$(rctr volume ls -q)" named
    rctr system prune -f --all --volumes
    is "$(rctr volume ls -q)" ""
    is "$(rctr images --format '{{.Repository}}')" localhost/busybox
    rctr rm -f -t 0 running
}

@test "system reset removes everything, running containers too" {
    rctr run -d --network none --name a -v data:/d localhost/busybox sleep 1000
    rctr run -d --network none --name b localhost/busybox sleep 1000
    in_use c
    image_load one hello
    pid=$(rctr inspect --format '{{.State.Pid}}' a)
    fails_with 125 "nobody answered" rctr system reset </dev/null
    echo n | rctr system reset >out
    has "$(cat out)" "- the state folder $RCTR_STATE"
    is "$(rctr ps -q | wc -l)" 2
    rctr system reset -f
    [ ! -e "$RCTR_STATE" ]
    [ ! -e "/proc/$pid/root/bin" ]
    is "$(still_running rctr)" ""
    is "$(rctr ps -aq)" ""
}

@test "system reset takes what is damaged and leaves what is not rctr's" {
    in_use c
    echo '{' >"$RCTR_STATE/containers/$(rctr ps -aq --no-trunc)/record.json"
    echo mine >"$RCTR_STATE/mine"
    rctr system reset --force
    is "$(ls "$RCTR_STATE")" mine
}

#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# system check: what is damaged is found, told and repaired.
# also: single-uid
load common
load image

# layer_blob NAME: the file of an image's only layer, compressed.
layer_blob() {
    local manifest
    manifest=$(rctr inspect --format '{{.Digest}}' "$1")
    echo "$RCTR_STATE/blobs/sha256/$(jq -r '.layers[0].digest' \
        "$RCTR_STATE/blobs/sha256/${manifest#*:}" | cut -d: -f2)"
}

@test "a whole store is clean" {
    run -0 rctr system check
    has "$output" "no problems"
    image_load tool hello
    run -0 rctr system check
    has "$output" "checked: 3 blobs, 1 layers, 1 names of images, 0 containers"
}

@test "one flipped bit in a blob is found, and removed by --repair" {
    image_load tool hello
    blob=$(layer_blob tool)
    printf '\377' | dd of="$blob" bs=1 seek=40 conv=notrunc status=none
    run -1 rctr system check
    has "$output" "blob sha256:${blob##*/}: is damaged"
    has "$output" "1 problem, 0 put right"
    run -0 rctr system check --quick
    run -0 rctr system check --repair
    has "$output" "(put right)"
    [ ! -e "$blob" ]
    run -0 rctr system check
}

@test "a layer whose files were emptied is found and comes back with the next load" {
    image_archive a.tar tool hello
    rctr load -q -i a.tar
    word=$(echo "$RCTR_STATE"/layers/*/tree/word)
    : >"$word"
    run -1 rctr system check
    has "$output" "the file 'word' is not what the blob holds"
    run -0 rctr system check --repair
    run -1 rctr image exists tool
    rctr load -q -i a.tar
    is "$(cat "$word")" hello
    run -0 rctr system check
}

@test "a missing manifest takes its name along, another image stays" {
    image_load tool one
    image_load other two
    manifest=$(rctr inspect --format '{{.Digest}}' tool)
    rm "$RCTR_STATE/blobs/sha256/${manifest#*:}"
    run -1 rctr system check
    has "$output" "image localhost/tool:latest: "
    run -125 rctr rmi tool
    has "$output" "is not in the store"
    run -0 rctr system check --repair
    is "$(rctr images --format '{{.Repository}}')" localhost/other
}

@test "junk in the store is told" {
    image_load tool hello
    touch "$RCTR_STATE/blobs/sha256/junk"
    mkdir -p "$RCTR_STATE/layers/junk" "$RCTR_STATE/refs/docker.io/x" "$RCTR_STATE/names"
    echo nonsense >"$RCTR_STATE/refs/docker.io/x/:latest"
    ln -s nowhere "$RCTR_STATE/names/lost"
    run -1 rctr system check
    has "$output" "blobs/sha256/junk: is no blob"
    has "$output" "layers/junk: is no layer"
    has "$output" "refs/docker.io/x/:latest: "
    has "$output" 'name "lost": it leads to no container'
    run -0 rctr system check --repair
    run -0 rctr system check
    has "$output" "no problems"
}

@test "what a killed command left in tmp is cleared by the next one" {
    image_archive a.tar tool hello
    for i in 1 2 3 4 5 6 7 8 9; do
        rctr load -q -i a.tar &
        pid=$!
        sleep "0.00$i"
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
        run -0 rctr system check
    done
    rctr load -q -i a.tar
    rctr system check --repair
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "a container whose monitor was killed is cleared away by the next command" {
    rctr run --rm localhost/busybox sleep 1000 3>&- 251>&- &
    for _ in $(seq 200); do
        state=$(jq -r .state "$RCTR_STATE"/containers/*/record.json 2>/dev/null) || true
        [ "$state" = running ] && break
        sleep 0.05
    done
    is "$state" running
    pid=$(jq -r .monitor.pid "$RCTR_STATE"/containers/*/record.json) # after the state: both are there now
    init=$(jq -r .init.pid "$RCTR_STATE"/containers/*/record.json)
    kill -9 "$pid"
    wait || true
    is "$(rctr info --format '{{.store.containerStore.number}}')" 0
    is "$(ls "$RCTR_STATE/containers" "$RCTR_STATE/names" | grep -c '^[0-9a-z]\{64\}$')" 0
    ! kill -0 "$init" 2>/dev/null
    run -0 rctr system check
}

@test "a container with a damaged record is named, and the others still work" {
    rctr create --network none --name a localhost/busybox true
    rctr create --network none --name b localhost/busybox echo fine
    id=$(rctr inspect --format '{{.Id}}' a)
    echo '{' >"$RCTR_STATE/containers/$id/record.json"
    run -1 rctr system check
    has "$output" "container $id: "
    has "$output" "(rctr rm -f ${id:0:12})"
    run -1 rctr system check --repair
    [ -e "$RCTR_STATE/containers/$id" ]
    is "$(rctr ps -a --format '{{.Names}}' 2>/dev/null)" b
    rctr start b
    rctr wait b
    is "$(rctr logs b)" fine
    rctr rm -f "${id:0:12}"
    rctr system check
}

@test "a container without its config.json, and something in the place of the events, are named" {
    rctr create --network none --name a localhost/busybox true
    rm "$RCTR_STATE"/containers/*/config.json
    rm "$RCTR_STATE/events"
    mkdir "$RCTR_STATE/events"
    run -1 rctr system check
    has "$output" "(a): cannot open"
    has "$output" "it cannot be started again"
    has "$output" "events: is no file, so no event is written"
    has "$output" "2 problems, 0 put right"
    run -1 rctr system check --repair
    has "$output" "2 problems, 1 put right"
    rctr rm a
    rctr system check
    is "$(rctr events --stream=false --format '{{.Status}}')" remove
}

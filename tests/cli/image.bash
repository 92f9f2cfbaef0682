# image.bash - images for tests that need no registry, loaded from archives made by hand.
# shellcheck shell=bash

# image_archive FILE NAME WORD [CONFIG]: an OCI archive with one image called NAME, whose only layer
# holds /word with WORD in it.
image_archive() {
    local work
    work=$(mktemp -d "$BATS_TEST_TMPDIR/archive.XXXXXX")
    mkdir -p "$work/root/bin"
    echo "$3" >"$work/root/word"
    oci_pack "$work/root" >"$work/layer.tar"
    oci_new "$work/oci" "${4:-{\}}" "$work/layer.tar"
    jq --arg name "$2" '.manifests[0].annotations["org.opencontainers.image.ref.name"] = $name' \
        "$work/oci/index.json" >"$work/index.json"
    mv "$work/index.json" "$work/oci/index.json"
    tar -C "$work/oci" -cf "$1" .
    rm -rf "$work"
}

# image_load NAME WORD [CONFIG]: the same into the store.
image_load() {
    image_archive "$BATS_TEST_TMPDIR/load.tar" "$@"
    rctr load -q -i "$BATS_TEST_TMPDIR/load.tar"
}

# image_stack NAME CONFIG WORD...: an image with a layer for each WORD; the n-th holds /layer-n/WORD.
image_stack() {
    local work n=0 word layers=() name=$1 config=$2
    shift 2
    work=$(mktemp -d "$BATS_TEST_TMPDIR/stack.XXXXXX")
    for word; do
        mkdir -p "$work/$n/layer-$n"
        echo "$word" >"$work/$n/layer-$n/$word"
        oci_pack "$work/$n" >"$work/$n.tar"
        layers+=("$work/$n.tar")
        n=$((n + 1))
    done
    oci_new "$work/oci" "$config" "${layers[@]}"
    jq --arg name "$name" '.manifests[0].annotations["org.opencontainers.image.ref.name"] = $name' \
        "$work/oci/index.json" >"$work/index.json"
    mv "$work/index.json" "$work/oci/index.json"
    tar -C "$work/oci" -cf "$work/load.tar" .
    rctr load -q -i "$work/load.tar"
    rm -rf "$work"
}

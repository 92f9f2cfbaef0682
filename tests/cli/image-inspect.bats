#!/usr/bin/env bats
# rctr image inspect of what is not in the store: registries, archives, folders.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load image
load pty

setup() {
    common_setup
    host=$(dpkg --print-architecture)
    mkdir root
    echo word >root/word
    oci_pack root >layer.tar
    OCI_MORE='{"author": "me", "created": "2024-05-06T07:08:09Z"}' oci_new start '{"Env": ["A=b"], "Labels": {"x": "y"}}' layer.tar
    digest=$(jq -r '.manifests[0].digest' start/index.json)
    manifest=start/blobs/sha256/${digest#*:}
    config=start/blobs/sha256/$(jq -r .config.digest "$manifest" | cut -d: -f2)
}

@test "every place gives docker's document, and nothing is pulled" {
    rctr image copy -q oci:start oci-archive:a.tar
    rctr image copy -q oci:start dir:d
    rctr image copy -q oci:start docker-archive:d.tar:x/y:1
    for place in oci:start oci:start:latest oci-archive:a.tar dir:d docker-archive:d.tar; do
        rctr image inspect "$place" >out
        is "$(jq -r '.[0].Id' out)" "$(jq -r .config.digest "$manifest")"
        is "$(jq -r '.[0].RootFS.Layers[0]' out)" "sha256:$(sha256sum <layer.tar | cut -d' ' -f1)"
        is "$(jq -r '.[0].Author' out)" me
        is "$(jq -c '.[0].RepoTags' out)" '[]'
        [ "$place" = docker-archive:d.tar ] || is "$(jq -r '.[0].Digest' out)" "$digest"
        is "$(rctr image inspect -f '{{index .Config.Env 0}} {{index .Labels "x"}}' "$place")" "A=b y"
    done
    is "$(jq -r '.[0].Size' <(rctr image inspect oci:start))" "$(jq -r '.layers[0].size' "$manifest")"
    is "$(rctr images -aq)" ""
    [ ! -d "$RCTR_STATE/layers" ] || is "$(ls "$RCTR_STATE/layers")" ""
    # the same fields as of an image of the store
    rctr load -q -i a.tar
    rctr image inspect "$(rctr images -aq)" >here
    is "$(jq -c '.[0] | keys' here)" "$(jq -c '.[0] | keys' out)"
    is "$(jq -c '.[0].Config' here)" "$(jq -c '.[0].Config' out)"
}

@test "a registry's image has its names, and the bytes are to be had" {
    need_registry
    repo=$RCTR_TEST_REGISTRY/inspect$RANDOM$RANDOM
    rctr image copy -q oci:start "$repo:1"
    is "$(rctr image inspect -f '{{.Digest}} {{index .RepoTags 0}} {{index .RepoDigests 0}}' "docker://$repo:1")" \
        "$digest $repo:1 $repo@$digest"
    rctr image inspect --raw "docker://$repo:1" | cmp - "$manifest"
    rctr image inspect --raw --config "docker://$repo@$digest" | cmp - "$config"
    is "$(rctr image inspect --config "docker://$repo:1" | jq -c .config)" '{"Env":["A=b"],"Labels":{"x":"y"}}'
    is "$(rctr image inspect --config -f '{{.author}}' "docker://$repo:1")" me
    is "$(rctr image inspect --raw "docker://$repo:1" | sha256sum)" \
        "$(skopeo inspect --tls-verify=false --raw "docker://$repo:1" | sha256sum)"
    fails_with 125 "unknown" rctr image inspect "docker://$repo:2"
    fails_with 125 "cannot be used with --format" rctr image inspect --raw -f x "docker://$repo:1"
    fails_with 125 "image not known" rctr image inspect "$repo:1"
    if [ -n "${RCTR_TEST_REGISTRY_AUTH:-}" ]; then
        rctr image copy -q --dest-creds tester:secret oci:start "$RCTR_TEST_REGISTRY_AUTH/inspect:1"
        fails_with 125 "unauthorized" rctr image inspect "docker://$RCTR_TEST_REGISTRY_AUTH/inspect:1"
        is "$(rctr image inspect --creds tester:secret -f '{{.Digest}}' "docker://$RCTR_TEST_REGISTRY_AUTH/inspect:1")" "$digest"
    fi
}

@test "of an index a platform's image, or with --raw the index" {
    foreign=arm64
    [ "$host" != arm64 ] || foreign=amd64
    OCI_ARCH=$foreign oci_new other '{}' layer.tar
    cp other/blobs/sha256/* start/blobs/sha256/
    jq -nc --argjson a "$(jq -c '.manifests[0] | {mediaType, digest, size}' start/index.json)" --arg host "$host" --arg foreign "$foreign" \
        --argjson b "$(jq -c '.manifests[0] | {mediaType, digest, size}' other/index.json)" \
        '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests:
          [$a + {platform: {os: "linux", architecture: $host}}, $b + {platform: {os: "linux", architecture: $foreign}}]}' >list
    jq -nc --argjson i "$(oci_blob start list)" '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.index.v1+json"} + $i]}' >start/index.json
    is "$(rctr image inspect -f '{{.Architecture}} {{.Digest}}' oci:start)" "$host $digest"
    is "$(rctr image inspect --arch "$foreign" -f '{{.Architecture}} {{.Digest}}' oci:start)" "$foreign $(jq -r '.manifests[0].digest' other/index.json)"
    rctr image inspect --raw oci:start | cmp - list
    rctr image inspect --raw --platform "linux/$host" oci:start | cmp - "$manifest"
    fails_with 125 "linux/riscv64" rctr image inspect --arch riscv64 oci:start
}

@test "the store's images have their bytes too" {
    tar -C start -cf a.tar .
    rctr load -q -i a.tar
    id=$(rctr images -aq --no-trunc)
    rctr image inspect --raw "$id" | cmp - "$manifest"
    rctr image inspect --raw --config "$id" | cmp - "$config"
    is "$(rctr image inspect --config "$id" | jq -r .author)" me
    fails_with 125 "cannot open" rctr image inspect oci:nowhere
    fails_with 125 "does not know the transport" rctr image inspect containers-storage:x
}

@test "a terminal is not shown what it would obey" {
    mkdir d
    printf '{"schemaVersion":2,"x":"\302\233"}' >d/manifest.json
    rctr image inspect --raw dir:d | cmp - d/manifest.json
    has "$(in_pty '' rctr image inspect --raw dir:d)" "what a terminal would obey"
    printf '\033[31m' >d/manifest.json
    has "$(in_pty '' rctr image inspect --raw dir:d)" "what a terminal would obey"
    has "$(in_pty '' rctr image inspect --raw oci:start)" '"schemaVersion":2'
}

#!/usr/bin/env bats
# Indexes (manifest lists): pulled, named, listed, removed, saved, loaded and pushed.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load image

setup() {
    common_setup
    need_registry
    registry=$RCTR_TEST_REGISTRY
    host=$(dpkg --print-architecture)
    foreign=arm64
    [ "$host" != arm64 ] || foreign=amd64
    repo=$registry/index$RANDOM$RANDOM
}

# put_manifest REPO TAG TYPE FILE: into the registry; prints its digest.
put_manifest() {
    curl -sf -X PUT -H "Content-Type: $3" --data-binary @"$4" "http://$registry/v2/${1#*/}/manifests/$2" >&2 || return 1
    echo "sha256:$(sha256sum "$4" | cut -d' ' -f1)"
}

# one_image REPO ARCH: pushes an image of one layer of its own and one that all have in common;
# prints its descriptor.
one_image() {
    local work digest
    work=$(mktemp -d)
    mkdir -p "$work/common" "$work/own"
    echo common >"$work/common/common"
    [ "$2" != "$host" ] || cp /bin/busybox "$work/own/sh"
    echo "$2" >"$work/own/arch"
    oci_pack "$work/common" >"$work/0.tar"
    oci_pack "$work/own" >"$work/1.tar"
    OCI_ARCH=$2 oci_new "$work/oci" '{"Entrypoint": ["/sh"]}' "$work/0.tar" "$work/1.tar"
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false "oci:$work/oci:latest" "docker://$1:$2" >&2
    digest=$(jq -r '.manifests[0].digest' "$work/oci/index.json")
    jq -c --arg arch "$2" '.manifests[0] | {mediaType, digest, size, platform: {os: "linux", architecture: $arch}}' "$work/oci/index.json"
    rm -rf "$work"
}

# two_architectures REPO TAG [TYPE]: an index of this machine's image and a foreign one.
two_architectures() {
    local type=${3:-application/vnd.oci.image.index.v1+json}
    jq -n --arg type "$type" --argjson a "$(one_image "$1" "$host")" --argjson b "$(one_image "$1" "$foreign")" \
        '{schemaVersion: 2, mediaType: $type, manifests: [$b, $a]}' >index.json
    index=$(put_manifest "$1" "$2" "$type" index.json)
    own=$(jq -r --arg a "$host" '.manifests[] | select(.platform.architecture == $a).digest' index.json)
    other=$(jq -r --arg a "$foreign" '.manifests[] | select(.platform.architecture == $a).digest' index.json)
}

raw() { # REPO REFERENCE: the manifest that the registry has
    curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' -H 'Accept: application/vnd.oci.image.index.v1+json' \
        -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' -H 'Accept: application/vnd.docker.distribution.manifest.list.v2+json' \
        "http://$registry/v2/${1#*/}/manifests/$2"
}

count() { # what is in a folder of the store
    find "$RCTR_STATE/$1" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l
}

@test "an image pulled through an index is found by the index's digest too, and the index is kept" {
    two_architectures "$repo" 1
    rctr pull -q "$repo:1"
    is "$(rctr run --rm --network none "$repo:1" -c 'read x </arch; echo $x')" "$host"
    rctr image exists "$repo@$index"
    rctr image exists "$repo@$own"
    ! rctr image exists "$repo@$other"
    is "$(rctr run --rm --network none --pull never "$repo@$index" -c 'echo found')" found
    rctr system prune -f >/dev/null
    is "$(count blobs/sha256)" 5
    cmp index.json "$RCTR_STATE/blobs/sha256/${index#*:}"
    rctr rmi "$repo:1" >/dev/null
    is "$(count blobs/sha256) $(count layers)" "0 0"
}

@test "all platforms are pulled into one name, layers are shared" {
    two_architectures "$repo" 1
    is "$(rctr pull -q --all-platforms "$repo:1")" "${index#*:}"
    is "$(count layers)" 3
    is "$(rctr run --rm --network none "$repo:1" -c 'read x </arch; echo $x')" "$host"
    for platform in "$host" "$foreign"; do
        rctr create -q --name "$platform" --platform "linux/$platform" --pull never "$repo:1" >/dev/null
        is "$(rctr cp "$platform:/arch" - | tar -xOf -)" "$platform"
    done
    rctr rm "$host" "$foreign" >/dev/null
    rctr system prune -f >/dev/null
    is "$(count layers)" 3
    rctr pull -q "$repo:1"
    rctr image exists "$repo@$other"
    fails_with 125 'for linux/s390x' rctr run --pull never --platform linux/s390x "$repo:1"
    fails_with 125 'choose' rctr pull --all-platforms --platform linux/arm64 "$repo:1"
}

@test "docker's manifest lists, and an attestation that stays a descriptor" {
    two_architectures "$repo" 1
    raw "$repo" "$other" | jq '.layers[].mediaType = "application/vnd.in-toto+json"' >attestation.json
    attestation=$(put_manifest "$repo" "sha256:$(sha256sum attestation.json | cut -d' ' -f1)" application/vnd.oci.image.manifest.v1+json attestation.json)
    jq --arg d "$attestation" --argjson size "$(stat -c %s attestation.json)" \
        '.manifests += [.manifests[0] | .digest = $d | .size = $size | .platform = {os: "unknown", architecture: "unknown"}]' index.json >more.json
    put_manifest "$repo" 1 application/vnd.oci.image.index.v1+json more.json
    rctr pull -q --all-platforms "$repo:1"
    is "$(count layers) $(count blobs/sha256)" "3 8"
    [ ! -e "$RCTR_STATE/blobs/sha256/${attestation#*:}" ]
    rctr rmi "$repo:1" >/dev/null
    two_architectures "$repo" list application/vnd.docker.distribution.manifest.list.v2+json
    is "$(rctr pull -q --all-platforms "$repo:list")" "${index#*:}"
    is "$(count layers)" 3
    is "$(rctr run --rm --network none "$repo:list" -c 'read x </arch; echo $x')" "$host"
}

@test "all tags of a repository" {
    two_architectures "$repo" both
    rctr pull -q -a "$repo" >ids
    is "$(sort -u <ids | wc -l)" 2
    for tag in both "$host" "$foreign"; do
        rctr image exists "$repo:$tag"
    done
    fails_with 125 'names one tag already' rctr pull -a "$repo:both"
    fails_with 125 '' rctr pull -a "$registry/no/such"
}

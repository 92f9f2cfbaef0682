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

@test "an index is pushed with all its images, byte for byte" {
    two_architectures "$repo" 1
    rctr pull -q --all-platforms "$repo:1"
    rctr push -q --digestfile digest "$repo:1" "$repo/copy:2"
    is "$(cat digest)" "$index"
    raw "$repo/copy" 2 | cmp - index.json
    for digest in "$own" "$other"; do
        is "$(raw "$repo/copy" "$digest" | sha256sum | cut -d' ' -f1)" "${digest#*:}"
    done
    is "$(skopeo inspect --tls-verify=false --override-arch "$foreign" --format '{{.Architecture}}' "docker://$repo/copy:2")" "$foreign"
    # under its own name, where all of it is already
    rctr push "$repo:1" 2>second
    ! grep -q ', sent$' second
    rctr push -q "$repo@$own" "$repo/copy:own"
    is "$(raw "$repo/copy" own | sha256sum | cut -d' ' -f1)" "${own#*:}"
}

@test "what neither store nor registry has of an index is named, and nothing is pushed" {
    two_architectures "$repo" 1
    rctr pull -q --all-platforms "$repo:1"
    rm "$RCTR_STATE/blobs/sha256/${other#*:}"
    fails_with 125 "has: linux/$foreign (sha256:${other:7:12}). Pull all of it" rctr push "$repo:1" "$repo/part:1"
    is "$(raw "$repo/part" "$own" | jq -r '.errors[0].code')" MANIFEST_UNKNOWN
    rctr push -q "$repo:1" "$repo:again" # there it is
    raw "$repo" again | cmp - index.json
}

@test "an image of an index that is compressed on the way gets its new digest in it" {
    two_architectures "$repo" 1
    rctr pull -q --all-platforms "$repo:1"
    rctr push -q --compression-format zstd --force-compression "$repo:1" "$repo/zstd:1"
    raw "$repo/zstd" 1 >new.json
    for digest in $(jq -r '.manifests[].digest' new.json); do
        is "$(raw "$repo/zstd" "$digest" | jq -r '.layers[].mediaType' | sort -u)" application/vnd.oci.image.layer.v1.tar+zstd
    done
    is "$(jq -c '[.manifests[].platform]' new.json)" "$(jq -c '[.manifests[].platform]' index.json)"
    is "$(RCTR_STATE=$BATS_TEST_TMPDIR/else rctr run --rm --network none "$repo/zstd:1" -c 'echo runs' 2>/dev/null)" runs
    RCTR_STATE=$BATS_TEST_TMPDIR/else common_teardown
}

@test "all names of a repository are pushed" {
    two_architectures "$repo" both
    rctr pull -q --all-platforms "$repo:both"
    rctr pull -q "$repo:$foreign"
    rctr push -q -a "$repo" "$repo/copy"
    raw "$repo/copy" both | cmp - index.json
    is "$(raw "$repo/copy" "$foreign" | sha256sum | cut -d' ' -f1)" "${other#*:}"
    fails_with 125 'names one tag already' rctr push -a "$repo:both"
    fails_with 125 'the store has no image of that repository' rctr push -a "$repo/none"
    fails_with 125 '--digestfile takes one digest' rctr push -a --digestfile x "$repo"
}

@test "an index is one line of images, with what its images take" {
    two_architectures "$repo" 1
    rctr pull -q --all-platforms "$repo:1"
    is "$(rctr images --format '{{.Repository}}:{{.Tag}} {{.ID}}')" "$repo:1 ${index:7:12}"
    is "$(rctr images -a -q --no-trunc)" "$index"
    is "$(rctr images --digests --format '{{.Digest}}')" "$index"
    is "$(rctr images --format json | jq -c '.[0].RepoDigests')" "[\"$repo@$index\"]"
    # each layer once: what the folders of the three layers take
    is "$(rctr images --format json | jq '.[0].Size')" "$(cat "$RCTR_STATE"/layers/*/meta.json | jq -s 'map(.disk_bytes) | add')"
    is "$(rctr system df --format json | jq -r '.[] | select(.Type == "Images") | .Total')" 1
    is "$(rctr system df --format json | jq -r '.[] | select(.Type == "Blobs") | .Active == .Total')" true
    rctr create -q --pull never "$repo:1" >/dev/null
    is "$(rctr images --format '{{.Containers}}')" 1
    rctr pull -q "$repo:$host"
    is "$(rctr images --format '{{.Tag}}' | sort)" "$(printf '%s\n' 1 "$host" | sort)"
    run rctr image tree "$repo:1"
    has "$output" "Tags:     [$repo:$host] [$repo:1]" || has "$output" "Tags:     [$repo:1] [$repo:$host]"
    has "$output" "Shared with: [$repo:1]" # the other platform's has the first layer too
}

@test "RepoDigests lists the index before the image" {
    two_architectures "$repo" 1
    rctr pull -q "$repo:1"
    is "$(rctr image inspect "$repo:1" | jq -c '.[0].RepoDigests')" "[\"$repo@$index\",\"$repo@$own\"]"
    is "$(rctr images --format json | jq -c '.[0].RepoDigests')" "[\"$repo@$index\",\"$repo@$own\"]"
    rctr tag "$repo:1" "$repo:2"
    is "$(rctr image inspect "$repo:2" | jq -c '.[0].RepoDigests')" "[\"$repo@$index\",\"$repo@$own\"]"
    rctr pull -q --all-platforms "$repo:1"
    rctr image inspect "$repo:1" >doc
    is "$(jq -c '.[0].RepoDigests' doc)" "[\"$repo@$index\",\"$repo@$own\"]"
    is "$(jq -c '.[0].RepoTags' doc)" "[\"$repo:1\",\"$repo:2\"]"
    is "$(jq -r '.[0].Digest' doc)" "$own"
}

@test "an index gets names, loses them, and goes with the last one" {
    two_architectures "$repo" 1
    rctr pull -q --all-platforms "$repo:1"
    rctr tag "$repo:1" localhost/both
    is "$(rctr images -q --no-trunc)" "$index"
    is "$(rctr rmi "$repo:1")" "Untagged: $repo:1"
    rctr untag localhost/both
    is "$(rctr images --format '{{.Repository}} {{.ID}}')" "<none> ${index:7:12}"
    rctr tag "${index#*:}" localhost/again
    is "$(rctr images --format '{{.Repository}}')" localhost/again
    rctr create -q --name one --pull never localhost/again >/dev/null
    fails_with 2 'is in use by container' rctr rmi localhost/again
    rctr rm one >/dev/null
    fails_with 125 'belongs to an index' rctr rmi "localhost/again@$own"
    # the tag of one member, onto the index's own name
    rctr tag "localhost/again@$own" localhost/own
    rctr create -q --name one --pull never localhost/own >/dev/null
    is "$(rctr rmi localhost/again)" "$(printf 'Untagged: %s\nDeleted: %s' localhost/again:latest "$index")"
    is "$(count layers)" 2
    is "$(rctr run --rm --network none localhost/own -c 'echo runs')" runs
    rctr rm one >/dev/null
    rctr rmi localhost/own >/dev/null
    is "$(count blobs/sha256) $(count layers)" "0 0"
}

@test "prune takes an index that has lost its name, and none that is in use" {
    two_architectures "$repo" 1
    rctr pull -q --all-platforms "$repo:1"
    rctr untag "$repo:1"
    rctr create -q --name one --pull never "${index#*:}" >/dev/null
    rctr image prune -f >/dev/null
    is "$(rctr images -q --no-trunc)" "$index"
    rctr rm one >/dev/null
    has "$(rctr image prune -f)" "${index#*:}"
    is "$(count blobs/sha256) $(count layers)" "0 0"
}

@test "system check knows indexes: a damaged image of one becomes a descriptor" {
    two_architectures "$repo" 1
    rctr pull -q --all-platforms "$repo:1"
    rctr pull -q "$repo:$foreign"
    rctr rmi "$repo:$foreign" >/dev/null
    rctr system check
    id=$(jq -r '.config.digest' "$RCTR_STATE/blobs/sha256/${other#*:}")
    rm "$RCTR_STATE/blobs/sha256/${id#*:}"
    run rctr system check
    [ "$status" -ne 0 ]
    has "$output" "image $repo:1, linux/$foreign: "
    rctr system check --repair || true
    rctr system check
    [ ! -e "$RCTR_STATE/blobs/sha256/${other#*:}" ]
    is "$(rctr run --rm --network none --pull never "$repo:1" -c 'echo runs')" runs
    fails_with 125 'is not in the store' rctr create --pull never --platform "linux/$foreign" "$repo:1"
    rctr create -q --platform "linux/$foreign" "$repo:1" >/dev/null 2>&1 # fetched again
    # an index that is only remembered
    rctr rm -fa >/dev/null
    rctr rmi "$repo:1" >/dev/null
    rctr pull -q "$repo:1"
    rm "$RCTR_STATE/blobs/sha256/${index#*:}"
    run rctr system check
    has "$output" "that it came through is missing"
    rctr system check --repair || true
    rctr system check
    rctr run --rm --network none --pull never "$repo:1" -c 'echo runs'
}

@test "an index is saved in OCI's formats, and loaded again" {
    two_architectures "$repo" 1
    rctr pull -q --all-platforms "$repo:1"
    rctr save -q --format oci-archive -o both.tar "$repo:1"
    rctr save -q --format oci-dir -o both "$repo:1"
    is "$(jq -r '.manifests[0].digest' both/index.json)" "$index"
    is "$(find both/blobs -type f | wc -l)" 8
    rctr save -q -o one.tar "$repo:1" # docker's archive has this machine's image
    is "$(tar -xOf one.tar manifest.json | jq length)" 1
    for source in both.tar both; do
        export RCTR_STATE=$BATS_TEST_TMPDIR/$source.state
        is "$(rctr load -i "$source")" "Loaded image: $repo:1"
        is "$(rctr images -q --no-trunc)" "$index"
        is "$(count layers)" 3
        is "$(rctr run --rm --network none "$repo:1" -c 'read x </arch; echo $x')" "$host"
        rctr system check
        common_teardown
        cd "$BATS_TEST_TMPDIR"
    done
    export RCTR_STATE=$BATS_TEST_TMPDIR/third.state
    rctr load -q -i one.tar
    is "$(rctr images --format '{{.Repository}}:{{.Tag}}')" "$repo:1"
    is "$(count layers)" 2
    is "$(rctr run --rm --network none oci-archive:both.tar -c 'read x </arch; echo $x')" "$host"
    rctr image exists "$repo@$index"
    common_teardown
    cd "$BATS_TEST_TMPDIR"
    skopeo copy --quiet --all --insecure-policy --dest-tls-verify=false oci-archive:both.tar "docker://$repo/by-skopeo:1"
    raw "$repo/by-skopeo" 1 | cmp - index.json
    skopeo copy --quiet --all --insecure-policy --src-tls-verify=false "docker://$repo:1" oci-archive:skopeo.tar:localhost/s:1
    export RCTR_STATE=$BATS_TEST_TMPDIR/fourth.state
    rctr load -q -i skopeo.tar
    is "$(rctr images --format '{{.Repository}} {{.ID}}')" "localhost/s ${index:7:12}"
}

@test "of an index that is here in part, what is here is saved, the rest is named" {
    two_architectures "$repo" 1
    rctr pull -q --all-platforms "$repo:1"
    rm "$RCTR_STATE/blobs/sha256/${other#*:}"
    run --separate-stderr rctr save -q --format oci-archive -o part.tar "$repo:1"
    [ "$status" -eq 0 ]
    has "$stderr" "lacks linux/$foreign"
    rctr rmi "$repo:1" >/dev/null
    rctr load -q -i part.tar
    is "$(rctr run --rm --network none "$repo:1" -c 'read x </arch; echo $x')" "$host"
    is "$(rctr image inspect "$repo:1" | jq -c '.[0].RepoDigests')" "[\"$repo@$index\",\"$repo@$own\"]"
    is "$(count blobs/sha256)" 5
}

@test "all platforms out of an archive, and out of the folder that skopeo writes" {
    two_architectures "$repo" 1
    skopeo copy --quiet --all --insecure-policy --src-tls-verify=false "docker://$repo:1" oci-archive:both.tar:localhost/both:1
    is "$(rctr pull -q --all-platforms oci-archive:both.tar)" "${index#*:}"
    is "$(rctr images --format '{{.Repository}} {{.ID}}')" "localhost/both ${index:7:12}"
    rctr rmi localhost/both:1 >/dev/null
    rctr pull -q oci-archive:both.tar >/dev/null
    is "$(count layers)" 2
    rctr rmi localhost/both:1 >/dev/null
    skopeo copy --quiet --all --insecure-policy --src-tls-verify=false "docker://$repo:1" dir:both
    rctr load -i both
    is "$(rctr images -q --no-trunc)" "$index"
    is "$(count layers)" 3
}

@test "few indexes that lead to each other do not make thousands of images" {
    image=$(one_image "$repo" "$host")
    jq -n --argjson d "$image" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [range(20) | $d]}' >0.json
    for n in 1 2 3; do
        index=$(put_manifest "$repo" "level$n" application/vnd.oci.image.index.v1+json $((n - 1)).json)
        jq -n --arg d "$index" --argjson size "$(stat -c %s $((n - 1)).json)" \
            '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
              manifests: [range(20) | {mediaType: "application/vnd.oci.image.index.v1+json", digest: $d, size: $size}]}' >$n.json
    done
    timeout 100 rctr pull -q --all-platforms "$repo:level3"
    is "$(count layers)" 2
    rctr system check
    is "$(rctr run --rm --network none "$repo:level3" -c 'echo runs')" runs
    timeout 100 rctr image copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$repo:level3" "docker://$repo/by-copy:1"
    is "$(raw "$repo/by-copy" 1 | sha256sum)" "$(raw "$repo" level3 | sha256sum)"
    fails_with 125 'too many indexes' timeout 100 rctr push "$repo:level3" "$repo/copy:1"
    timeout 100 rctr save -q --format oci-archive -o it.tar "$repo:level3"
    timeout 100 rctr load -q -i it.tar
}

@test "a local index without an image for this machine is not looked for elsewhere" {
    rctr manifest create empty >/dev/null
    fails_with 125 'no image found in the index' rctr run --network none empty true
    ! grep -q 'Trying to pull' "$BATS_TEST_TMPDIR/stderr"
    run rctr inspect empty
    has "$output" "rctr manifest inspect empty shows what it lists"
    [[ $(rctr images --format '{{.CreatedSince}}') != *years* ]]
}

@test "rmi -a takes names, digests and indexes" {
    two_architectures "$repo" 1
    rctr pull -q --all-platforms "$repo:1"
    rctr pull -q "$repo:$host" "$repo@$own"
    rctr rmi -a >/dev/null
    is "$(rctr images -a -q)" ""
    is "$(count blobs/sha256) $(count layers)" "0 0"
}

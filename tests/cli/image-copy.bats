#!/usr/bin/env bats
# rctr image copy: every pair of transports, compared with skopeo.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load image

setup() {
    common_setup
    need_registry
    registry=$RCTR_TEST_REGISTRY
    repo=$registry/copy$RANDOM$RANDOM
    host=$(dpkg --print-architecture)
    foreign=arm64
    [ "$host" != arm64 ] || foreign=amd64
}

teardown() {
    [ ! -e "$BATS_TEST_TMPDIR/fake/pid" ] || kill "$(cat "$BATS_TEST_TMPDIR/fake/pid")"
    common_teardown
}

# layout NAME [WORD]: an OCI layout of two layers by hand, tagged "latest"; OCI_ARCH and OCI_COMPRESS as in oci.bash.
layout() {
    local work
    work=$(mktemp -d)
    mkdir -p "$work/a" "$work/b"
    echo "${2:-word}" >"$work/a/word"
    head -c 300000 /dev/zero | tr '\0' x >"$work/b/x"
    oci_pack "$work/a" >"$work/0.tar"
    oci_pack "$work/b" >"$work/1.tar"
    oci_new "$1" '{"Cmd": ["/word"]}' "$work/0.tar" "$work/1.tar"
    rm -rf "$work"
}

sk() { skopeo --insecure-policy "$@"; }

# raw PLACE: the digest of the manifest that skopeo finds there
raw() {
    echo "sha256:$(sk inspect --tls-verify=false --raw "$1" | sha256sum | cut -d' ' -f1)"
}

# config PLACE: the digest of the configuration
config() {
    sk inspect --tls-verify=false --config --raw "$1" | sha256sum | cut -d' ' -f1
}

# place KIND N: a place of that kind
place() {
    case $1 in
    docker) echo "docker://$repo/$2:tag" ;;
    oci) echo "oci:$PWD/$2.oci:tag" ;;
    oci-archive) echo "oci-archive:$PWD/$2.oci.tar:tag" ;;
    docker-archive) echo "docker-archive:$PWD/$2.tar:quay.io/x/$2:tag" ;;
    dir) echo "dir:$PWD/$2.dir" ;;
    esac
}

exact="docker oci oci-archive dir"

@test "from every transport to every other: the manifest stays, byte for byte" {
    layout start
    want=$(jq -r '.manifests[0].digest' start/index.json)
    for from in $exact; do
        sk copy -q --dest-tls-verify=false oci:start:latest "$(place "$from" "from-$from")"
        for to in $exact; do
            rctr image copy -q --digestfile digest "$(place "$from" "from-$from")" "$(place "$to" "$from-$to")"
            is "$(cat digest)" "$want"
            is "$(raw "$(place "$to" "$from-$to")")" "$want"
            # and skopeo can read all of it
            sk copy -q --src-tls-verify=false "$(place "$to" "$from-$to")" "dir:check.$from.$to"
        done
    done
    is "$(ls "$RCTR_STATE/tmp")" ""
    is "$(ls "$RCTR_STATE/blobs/sha256" 2>/dev/null)" ""
}

@test "docker's archive keeps the configuration and the layers' contents" {
    layout start
    for from in $exact; do
        sk copy -q --dest-tls-verify=false oci:start:latest "$(place "$from" "$from")"
        rctr image copy -q "$(place "$from" "$from")" "$(place docker-archive "$from")"
        is "$(config "$(place docker-archive "$from")")" "$(config oci:start:latest)"
        sk copy -q "$(place docker-archive "$from")" "dir:check.$from"
    done
    is "$(tar -xOf dir.tar manifest.json | jq -r '.[0].RepoTags[0]')" quay.io/x/dir:tag
    # and out of it, as skopeo writes it
    sk copy -q oci:start:latest "$(place docker-archive skopeo)"
    for to in $exact docker-archive; do
        rctr image copy -q "$(place docker-archive skopeo)" "$(place "$to" "out-$to")"
        is "$(config "$(place "$to" "out-$to")")" "$(config oci:start:latest)"
        sk copy -q --src-tls-verify=false "$(place "$to" "out-$to")" "dir:check.out.$to"
    done
    # compressed where others are to fetch it
    has "$(sk inspect --tls-verify=false --raw "$(place docker out-docker)")" diff.tar.gzip
    rctr run --rm --network none "$repo/out-docker:tag" 2>err || grep -q word err
}

@test "compressed archives and pipes are read too" {
    layout start
    sk copy -q oci:start:latest oci-archive:a.tar:x
    sk copy -q oci:start:latest docker-archive:d.tar:x:1
    gzip -k a.tar
    zstd -q d.tar
    rctr image copy -q oci-archive:a.tar.gz dir:one
    is "$(raw dir:one)" "$(raw oci:start:latest)"
    rctr image copy -q oci-archive:/dev/stdin dir:two <a.tar
    is "$(raw dir:two)" "$(raw oci:start:latest)"
    rctr image copy -q docker-archive:d.tar.zst:x:1 dir:three
    is "$(config dir:three)" "$(config oci:start:latest)"
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "zstd layers and artifacts are copied as they are" {
    OCI_COMPRESS=zstd layout start
    rctr image copy -q oci:start "docker://$repo/zstd:1"
    rctr image copy -q "$repo/zstd:1" dir:zstd
    cmp zstd/manifest.json "start/blobs/sha256/$(jq -r '.manifests[0].digest' start/index.json | cut -d: -f2)"
    rctr image copy -q "$repo/zstd:1" docker-archive:z.tar
    sk copy -q docker-archive:z.tar dir:plain
    fails_with 125 "no layers compressed by zstd" rctr image copy --format v2s2 oci:start dir:none
    # no image at all: a chart
    echo '{"name":"chart"}' >config
    echo chart >layer
    jq -nc --argjson c "$(oci_blob chart config)" --argjson l "$(oci_blob chart layer)" \
        '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
          config: ({mediaType: "application/vnd.cncf.helm.config.v1+json"} + $c),
          layers: [{mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip"} + $l]}' >manifest
    jq -nc --argjson m "$(oci_blob chart manifest)" '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json"} + $m]}' >chart/index.json
    echo '{"imageLayoutVersion":"1.0.0"}' >chart/oci-layout
    rctr image copy -q oci:chart "$repo/chart:1"
    rctr image copy -q "$repo/chart:1" dir:chart.dir
    cmp manifest chart.dir/manifest.json
    fails_with 125 "" rctr image copy oci:chart docker-archive:chart.tar
    [ ! -e chart.tar ]
}

# index NAME: a layout whose image is an index of this machine's architecture and a foreign one.
index() {
    local entries='[]' arch
    for arch in "$host" "$foreign"; do
        OCI_ARCH=$arch layout "$1.$arch" "$arch"
        mkdir -p "$1/blobs/sha256"
        cp "$1.$arch"/blobs/sha256/* "$1/blobs/sha256"
        entries=$(jq -c --argjson all "$entries" --arg arch "$arch" \
            '$all + [.manifests[0] | {mediaType, digest, size, platform: {os: "linux", architecture: $arch}}]' "$1.$arch/index.json")
    done
    jq -nc --argjson m "$entries" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: $m}' >list
    jq -nc --argjson i "$(oci_blob "$1" list)" '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.index.v1+json",
        annotations: {"org.opencontainers.image.ref.name": "latest"}} + $i]}' >"$1/index.json"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
}

@test "of an index one member is taken, or with --all every one" {
    index both
    all=sha256:$(sha256sum <list | cut -d' ' -f1)
    own=$(jq -r '.manifests[0].digest' "both.$host/index.json")
    other=$(jq -r '.manifests[0].digest' "both.$foreign/index.json")
    sk copy -q --all --dest-tls-verify=false oci:both:latest "docker://$repo:1"
    rctr image copy -q "$repo:1" dir:own
    is "$(raw dir:own)" "$own"
    rctr image copy -q --arch "$foreign" "$repo:1" oci:other
    is "$(raw oci:other)" "$other"
    rctr image copy -q --platform "linux/$foreign" "$repo:1" "$repo:$foreign"
    is "$(raw "docker://$repo:$foreign")" "$other"
    fails_with 125 "linux/riscv64" rctr image copy --arch riscv64 "$repo:1" dir:none
    for to in $exact; do
        rctr image copy -q -a --digestfile digest "docker://$repo:1" "$(place "$to" "all-$to")"
        is "$(cat digest)" "$all"
        is "$(raw "$(place "$to" "all-$to")")" "$all"
        sk copy -q --all --src-tls-verify=false "$(place "$to" "all-$to")" "dir:check.$to"
        cmp list "check.$to/manifest.json"
        rctr image copy -q --all "$(place "$to" "all-$to")" "dir:back.$to"
        diff -r "check.$to" "back.$to"
    done
    fails_with 125 "no index" rctr image copy --all "$repo:1" docker-archive:x.tar
    [ ! -e x.tar ]
    fails_with 125 "--all takes every platform" rctr image copy --all --arch "$foreign" "$repo:1" dir:x
}

@test "the format can be chosen, and --preserve-digests forbids it" {
    layout start
    rctr image copy -q --format v2s2 oci:start dir:docker
    is "$(jq -r .mediaType docker/manifest.json)" application/vnd.docker.distribution.manifest.v2+json
    is "$(jq -r '.layers[0].mediaType' docker/manifest.json)" application/vnd.docker.image.rootfs.diff.tar.gzip
    rctr image copy -q --format oci dir:docker "$repo:oci"
    is "$(sk inspect --tls-verify=false --raw "docker://$repo:oci" | jq -r '.config.mediaType')" application/vnd.oci.image.config.v1+json
    is "$(config dir:docker)" "$(config oci:start:latest)"
    fails_with 125 "--preserve-digests forbids" rctr image copy --preserve-digests --format v2s2 oci:start dir:none
    fails_with 125 "v2s1, which is obsolete" rctr image copy --format v2s1 oci:start dir:none
    fails_with 125 "neither oci nor v2s2" rctr image copy --format docker oci:start dir:none
    index both
    rctr image copy -q --all --format v2s2 oci:both dir:lst
    is "$(jq -r .mediaType lst/manifest.json)" application/vnd.docker.distribution.manifest.list.v2+json
    sk copy -q --all dir:lst dir:check
    diff -r lst check
}

@test "what the destination has is not fetched, and another repository gives what it has" {
    layout start
    rctr image copy oci:start "$repo:1" 2>out
    is "$(grep -c '^Copying blob .*is there already' out)" 0
    rctr image copy oci:start "$repo:2" 2>out
    is "$(grep -c '^Copying blob .*is there already' out)" 2
    rctr image copy "$repo:1" "$repo/other:1" 2>out
    is "$(grep -c '^Copying blob .*mounted from another repository' out)" 2
    rm -rf start/blobs/sha256/"$(jq -r '.layers[0].digest' <(sk inspect --raw oci:start:latest) | cut -d: -f2)"
    rctr image copy oci:start "$repo:3" 2>out
    is "$(raw "docker://$repo:3")" "$(raw "docker://$repo:1")"
}

@test "layers are copied side by side, and each is told" {
    for i in 1 2 3 4 5 6 7; do
        mkdir "r$i"
        head -c 200000 /dev/urandom >"r$i/file"
        oci_pack "r$i" >"$i.tar"
    done
    oci_new start '{}' [1-7].tar
    rctr image copy --progress json oci:start "$repo:1" 2>out
    is "$(jq -c . out | wc -l)" "$(wc -l <out)"
    rctr image copy "$repo:1" dir:d 2>out
    for layer in $(jq -r '.layers[].digest' d/manifest.json | cut -c8-); do
        grep -q "^Copying blob sha256:$layer done" out
        is "$(sha256sum <"d/$layer" | cut -d' ' -f1)" "$layer"
    done
    is "$(rctr image copy --progress none "$repo:1" "$repo/x:1" 2>&1)" ""
    rctr image copy "$repo:1" "dir:d2" --progress plain 2>/dev/null
    diff -r d d2
    # one of them fails
    rm d/"$layer"
    fails_with 125 "cannot open '$layer'" rctr image copy dir:d "$repo/none:1"
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "a destination may be named by the digest of what it gets, and by no other" {
    layout start
    want=$(jq -r '.manifests[0].digest' start/index.json)
    rctr image copy -q oci:start "$repo@$want"
    is "$(raw "docker://$repo@$want")" "$want"
    fails_with 125 "is named by the digest" rctr image copy oci:start "$repo@sha256:$(printf %064d 1)"
    fails_with 125 "unknown" rctr image copy "$repo@sha256:$(printf %064d 1)" dir:x
}

@test "a layout keeps its other images; one of the same name is replaced" {
    layout one 1
    layout two 2
    rctr image copy -q oci:one oci:all:first
    rctr image copy -q oci:two oci:all:second
    is "$(jq -r '.manifests | length' all/index.json)" 2
    is "$(raw oci:all:first)" "$(raw oci:one:latest)"
    fails_with 125 "several images: say which one" rctr image copy oci:all dir:x
    fails_with 125 "no image called 'third'" rctr image copy oci:all:third dir:x
    rctr image copy -q oci:two oci:all:first
    is "$(jq -r '.manifests | length' all/index.json)" 2
    is "$(raw oci:all:first)" "$(raw oci:two:latest)"
    # several at once into one layout
    for i in 1 2 3 4 5 6; do
        rctr image copy -q oci:one "oci:many:$i" &
    done
    wait
    is "$(jq -r '.manifests | length' many/index.json)" 6
    # a folder of an image is replaced as a whole; one of something else is left alone
    rctr image copy -q oci:one dir:d
    rctr image copy -q oci:two dir:d
    is "$(ls d | wc -l)" 5
    mkdir mine
    touch mine/file
    fails_with 125 "neither empty nor the folder of an image" rctr image copy oci:one dir:mine
    is "$(ls mine)" file
}

@test "registry to registry, each with its own login" {
    [ -n "${RCTR_TEST_REGISTRY_AUTH:-}" ] || skip "no registry with passwords: RCTR_TEST_REGISTRY_AUTH is not set (tests/run.sh sets it)"
    guarded=$RCTR_TEST_REGISTRY_AUTH/copy$RANDOM
    layout start
    rctr image copy -q oci:start "$repo:1"
    fails_with 125 "unauthorized" rctr image copy "$repo:1" "$guarded:1"
    rctr image copy -q --dest-creds tester:secret "$repo:1" "$guarded:1"
    is "$(sk inspect --tls-verify=false --creds tester:secret --raw "docker://$guarded:1" | sha256sum | cut -d' ' -f1)" \
        "$(sk inspect --raw oci:start:latest | sha256sum | cut -d' ' -f1)"
    fails_with 125 "unauthorized" rctr image copy --dest-creds tester:secret "$guarded:1" dir:x
    rctr image copy -q --src-creds tester:secret "$guarded:1" "$repo:back"
    printf 'secret\n' | rctr login --authfile "$PWD/auth" -u tester --password-stdin "${guarded%%/*}" >/dev/null
    rctr image copy -q --authfile "$PWD/auth" "$guarded:1" "$guarded:2"
    rctr image copy -q --src-authfile "$PWD/auth" --dest-tls-verify=false "$guarded:1" "$repo:again"
    is "$(raw "docker://$repo:again")" "$(raw oci:start:latest)"
}

@test "what is damaged is not copied, and nothing is left of it" {
    layout start
    cp -r start broken
    blob=$(oci_layer broken 0)
    printf x | dd of="$blob" bs=1 seek=20 conv=notrunc status=none
    tar -C broken -cf broken.tar .
    rctr image copy -q oci:start oci-archive:keep.tar:one
    before=$(sha256sum <keep.tar)
    for from in oci:broken oci-archive:broken.tar; do
        fails_with 125 "is damaged" rctr image copy "$from" "$repo:none"
        fails_with 125 "is damaged" rctr image copy "$from" oci-archive:keep.tar:one
        fails_with 125 "is damaged" rctr image copy "$from" dir:new
        fails_with 125 "is damaged" rctr image copy "$from" docker-archive:new.tar
        is "$(sha256sum <keep.tar)" "$before"
        [ ! -e new.tar ] && [ ! -e new/manifest.json ]
    done
    is "$(find . -name '.rctr*')" ""
    fails_with 125 "unknown" rctr image copy "$repo:none" dir:x
    fails_with 125 "cannot open" rctr image copy oci:none dir:x
    fails_with 125 "has no manifest.json" rctr image copy dir:start dir:x
    fails_with 125 "image of the store" rctr image copy localhost/x dir:x
    fails_with 125 "does not know the transport" rctr image copy containers-storage:x dir:x
}

@test "killed in the middle: no file is left, and what was there before stays" {
    mkdir root
    head -c 30000000 /dev/urandom >root/big
    oci_pack root >big.tar
    OCI_COMPRESS=none oci_new big '{}' big.tar
    rctr image copy -q oci:big "$repo:big"
    layout start
    rctr image copy -q oci:start oci-archive:keep.tar:one
    rctr image copy -q oci:start dir:keep
    before=$(sha256sum keep.tar keep/*)
    for to in oci-archive:keep.tar docker-archive:new.tar dir:keep oci-archive:fresh.tar; do
        for pause in 0.01 0.03 0.06; do
            rctr image copy -q "$repo:big" "$to" 2>/dev/null &
            pid=$!
            sleep $pause
            kill -9 $pid 2>/dev/null || true
            wait $pid || true
            if [ -e new.tar ] || [ -e fresh.tar ] || [ "$(sha256sum keep.tar keep/manifest.json)" != "$(grep -E 'keep.tar|manifest.json' <<<"$before")" ]; then
                # it was quicker than we
                sk inspect --raw "$to" >/dev/null
                rm -rf new.tar fresh.tar keep
                rctr image copy -q oci:start oci-archive:keep.tar:one
                rctr image copy -q oci:start dir:keep
                before=$(sha256sum keep.tar keep/*)
            fi
        done
    done
    is "$(find . -name '.rctr*')" ""
    rctr image copy -q "$repo:big" oci-archive:fresh.tar
    is "$(ls "$RCTR_STATE/tmp")" ""
    is "$(raw oci-archive:fresh.tar)" "$(raw oci:big:latest)"
}

#!/usr/bin/env bats
# Manifest lists put together, changed and pushed.
# also: single-uid
load common
load image

setup() {
    common_setup
    need_registry
    registry=$RCTR_TEST_REGISTRY
    host=$(dpkg --print-architecture)
    foreign=arm64
    [ "$host" != arm64 ] || foreign=amd64
    repo=$registry/list$RANDOM$RANDOM
}

elsewhere() { RCTR_STATE=$BATS_TEST_TMPDIR/else rctr "$@"; }

teardown() {
    RCTR_STATE=$BATS_TEST_TMPDIR/else common_teardown
    common_teardown
}

# one NAME ARCH: an image of the store whose /arch says for which architecture it is.
one() {
    OCI_ARCH=$2 image_stack "$1" '{"Entrypoint":["/layer-0/sh"]}' "$2" common >/dev/null
}

# remote NAME ARCH: the same in the registry only; prints its digest.
remote() {
    local work
    work=$(mktemp -d)
    mkdir -p "$work/root"
    echo "$2" >"$work/root/arch"
    cp /bin/busybox "$work/root/sh"
    oci_pack "$work/root" >"$work/0.tar"
    OCI_ARCH=$2 oci_new "$work/oci" '{"Entrypoint": ["/sh"]}' "$work/0.tar"
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false ${3:+--format "$3"} "oci:$work/oci:latest" "docker://$1" >&2
    rm -rf "$work"
    skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'
}

raw() { skopeo inspect --raw --tls-verify=false "docker://$1"; }

platforms() { # of the list on standard input
    jq -r '.manifests[].platform | [.os, .architecture, .variant] | map(select(.)) | join("/")' | paste -sd ' '
}

digests() { jq -r '.manifests[].digest'; }

count() { # what is in a folder of the store
    find "$RCTR_STATE/$1" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l
}

@test "a list of two architectures is made, looked at and removed" {
    one a "$host"
    one b "$foreign"
    [[ $(rctr manifest create list) =~ ^[0-9a-f]{64}$ ]]
    is "$(rctr manifest inspect list | jq -c .)" '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    rctr manifest add list localhost/a
    rctr manifest add list localhost/b >id
    is "$(rctr manifest inspect list | platforms)" "linux/$host linux/$foreign"
    is "$(rctr manifest inspect list | digests | head -n 1)" "$(rctr image inspect -f '{{.Digest}}' localhost/a)"
    is "$(rctr manifest inspect localhost/list:latest | jq -j -c . | sha256sum | cut -d ' ' -f 1)" "$(cat id)"
    rctr manifest exists list
    is "$(rctr manifest rm list)" "$(printf 'Untagged: localhost/list:latest\nDeleted: %s' "$(cat id)")"
    status=0
    rctr manifest exists list || status=$?
    is "$status" 1
    rctr image exists localhost/a
    rctr system check
}

@test "the embedded image is one of the store" {
    rctr manifest create list localhost/busybox
    is "$(rctr manifest inspect list | platforms)" "linux/$host"
    rctr manifest push -q list "$repo:1"
}

@test "create takes images, and amends a list that is there" {
    one a "$host"
    one b "$foreign"
    rctr manifest create --annotation org.example.title=tool list localhost/a
    fails_with 125 "already in use" rctr manifest create list localhost/b
    rctr manifest create --amend list localhost/b
    is "$(rctr manifest inspect list | platforms)" "linux/$host linux/$foreign"
    is "$(rctr manifest inspect list | jq -r '.annotations["org.example.title"]')" tool
    rctr manifest create -a other
    rctr manifest exists other
    fails_with 125 "is an image, not a manifest list" rctr manifest create --amend localhost/a localhost/b
}

@test "what is said of an image can be changed" {
    one a "$host"
    rctr manifest create list localhost/a
    digest=$(rctr manifest inspect list | digests)
    rctr manifest annotate --arch aarch64 --variant v8 --os-version 3 --features x,y --os-features z \
        --annotation k=v --annotation e= list "$digest"
    is "$(rctr manifest inspect list | jq -Sc '.manifests[0] | .platform, .annotations')" \
        "$(printf '%s\n' '{"architecture":"arm64","features":["x","y"],"os":"linux","os.features":["z"],"os.version":"3","variant":"v8"}' '{"e":"","k":"v"}')"
    rctr manifest annotate --os-version '' --variant '' --arch amd64 list localhost/a
    is "$(rctr manifest inspect list | platforms)" linux/amd64
    rctr manifest annotate --index --annotation of=list list
    is "$(rctr manifest inspect list | jq -c .annotations)" '{"of":"list"}'
    fails_with 125 "no instance matching digest" rctr manifest annotate --arch arm64 list "sha256:$(printf '0%.0s' {1..64})"
    fails_with 125 "no value given for annotation" rctr manifest annotate --annotation nope list "$digest"
    fails_with 125 "neither a digest" rctr manifest annotate --arch arm64 list nosuch
    fails_with 125 "is not a platform" rctr manifest annotate --arch 'a b' list "$digest"
    fails_with 125 "IMAGE of the list is wanted" rctr manifest annotate --arch arm64 list
    fails_with 125 "has annotations only" rctr manifest annotate --index --arch arm64 list
}

@test "an image that is added twice is in the list once; one that is removed is not" {
    one a "$host"
    one b "$foreign"
    rctr manifest create list localhost/a localhost/b
    rctr manifest add --arch riscv64 list localhost/a
    is "$(rctr manifest inspect list | platforms)" "linux/$foreign linux/riscv64"
    rctr manifest remove list "$(rctr image inspect -f '{{.Digest}}' localhost/b)"
    is "$(rctr manifest inspect list | platforms)" linux/riscv64
    fails_with 125 "removing from manifest list list: no instance matching digest" \
        rctr manifest remove list "$(rctr image inspect -f '{{.Digest}}' localhost/b)"
    fails_with 125 'invalid image digest "localhost/a"' rctr manifest remove list localhost/a
}

@test "a pushed list is what skopeo, podman and rctr understand" {
    one a "$host"
    one b "$foreign"
    rctr manifest create list localhost/a
    rctr manifest add --variant v8 list localhost/b
    rctr manifest push --digestfile "$PWD/digest" list "docker://$repo:1"
    raw "$repo:1" >raw
    is "sha256:$(sha256sum <raw | cut -d ' ' -f 1)" "$(cat digest)"
    is "$(jq -c . raw)" "$(rctr manifest inspect list | jq -c .)"
    skopeo copy -q --all --insecure-policy --src-tls-verify=false "docker://$repo:1" "dir:$PWD/copy"
    is "$(elsewhere pull -q --platform "linux/$foreign/v8" "$repo:1")" "$(rctr image inspect -f '{{.Id}}' localhost/b | sed 's/^sha256://')"
    is "$(elsewhere pull -q "$repo:1")" "$(rctr image inspect -f '{{.Id}}' localhost/a | sed 's/^sha256://')"
    is "$(rctr manifest inspect "$repo:1" | platforms)" "linux/$host linux/$foreign/v8"
}

@test "podman makes of a pushed list what it makes of its own" {
    need_command podman
    one a "$host"
    one b "$foreign"
    rctr manifest create list localhost/a localhost/b
    rctr manifest push -q list "$repo:1"
    export XDG_RUNTIME_DIR=$PWD/run
    mkdir -m 700 run
    podman() { command podman --root "$PWD/root" --runroot "$PWD/run" --storage-driver vfs "$@"; }
    podman manifest create there >/dev/null
    podman manifest add --all --tls-verify=false there "docker://$repo:1" >/dev/null
    is "$(podman manifest inspect there | platforms)" "linux/$host linux/$foreign"
    is "$(podman pull -q --tls-verify=false --platform "linux/$foreign" "$repo:1")" "$(rctr image inspect -f '{{.Id}}' localhost/b | sed 's/^sha256://')"
    podman manifest push -q --all --tls-verify=false there "docker://$repo:back"
    is "$(rctr manifest inspect "docker://$repo:back" | digests)" "$(rctr manifest inspect list | digests)"
    podman unshare rm -rf root
    kill "$(cat "$XDG_RUNTIME_DIR/libpod/tmp/pause.pid")" # it holds podman's user namespace
}

@test "docker understands a pushed list" {
    need_command docker
    one a "$host"
    remote "$repo:b" "$foreign" v2s2
    rctr manifest create list localhost/a "docker://$repo:b"
    rctr manifest push -q list "$repo:1"
    rctr manifest push -q -f v2s2 list "$repo:v2"
    is "$(docker manifest inspect --insecure "$repo:1" | platforms)" "linux/$host linux/$foreign"
    is "$(docker manifest inspect --insecure "$repo:v2" | platforms)" "linux/$host linux/$foreign"
    # and what rctr shows of it is what docker shows
    for tag in 1 v2 b; do
        is "$(rctr manifest inspect -v "docker://$repo:$tag" | jq -Sc .)" "$(docker manifest inspect --insecure -v "$repo:$tag" | jq -Sc .)"
    done
    is "$(rctr manifest inspect -v list | jq -c '.[].OCIManifest.config.digest, .[].SchemaV2Manifest.config.digest')" \
        "$(rctr manifest inspect -v "$repo:1" | jq -c '.[].OCIManifest.config.digest, .[].SchemaV2Manifest.config.digest')"
}

@test "a registry that wants a password gets it, and only it" {
    local auth=${RCTR_TEST_REGISTRY_AUTH:-} there
    [ -n "$auth" ] || skip "RCTR_TEST_REGISTRY_AUTH names no registry"
    there=$auth/list$RANDOM$RANDOM
    remote "$repo:b" "$foreign"
    rctr push -q --creds tester:secret localhost/busybox "$there:a"
    rctr manifest create list "docker://$repo:b"
    fails_with 125 "unauthorized" rctr manifest add list "docker://$there:a"
    rctr manifest add --creds tester:secret list "docker://$there:a"
    fails_with 125 "unauthorized" rctr manifest push list "$there:1"
    rctr manifest push -q --creds tester:secret list "$there:1"
    is "$(rctr manifest inspect --creds tester:secret "docker://$there:1" | digests)" "$(rctr manifest inspect list | digests)"
    fails_with 125 "unauthorized" rctr manifest inspect "$there:1"
}

@test "push sends a list as manifest push does" {
    remote "$repo/from:b" "$foreign"
    one a "$host"
    rctr manifest create list localhost/a "docker://$repo/from:b"
    rctr push -q list "$repo/to:1"
    is "$(raw "$repo/to:1")" "$(rctr manifest inspect list | jq -j -c .)"
}

@test "of what only a registry has, the list knows the digest; its blobs go when it is pushed" {
    a=$(remote "$repo/from:a" "$host")
    b=$(remote "$repo/from:b" "$foreign")
    rctr manifest create list "docker://$repo/from:a"
    rctr manifest add list "$repo/from:b"
    is "$(count blobs/sha256)" 2 # each version of the list
    is "$(rctr manifest inspect list | digests)" "$(printf '%s\n' "$a" "$b")"
    is "$(rctr manifest inspect list | platforms)" "linux/$host linux/$foreign"
    rctr image prune -f >/dev/null
    is "$(count blobs/sha256)" 1
    rctr manifest push list "$repo/to:1" 2>out
    is "$(raw "$repo/to:1" | digests)" "$(printf '%s\n' "$a" "$b")"
    is "$(elsewhere run --rm --network none "$repo/to:1" -c "read -r a </arch; echo \$a")" "$host"
    elsewhere pull -q --platform "linux/$foreign" "$repo/to:1"
    rctr system check
    # a copy of the name knows it too, and with the last one nothing is left
    rctr tag list again
    rctr manifest rm list
    rctr manifest push -q again "$repo/third:1"
    rctr manifest push -q --rm again "$repo/third:2"
    is "$(raw "$repo/third:2" | digests)" "$(printf '%s\n' "$a" "$b")"
    is "$(count blobs/sha256)" 0
    is "$(find "$RCTR_STATE/origins" -type l | wc -l)" 0
}

@test "a list of what only a registry has can be run: its image is pulled from there" {
    remote "$repo/from:a" "$host"
    b=$(remote "$repo/from:b" "$foreign")
    rctr manifest create list "docker://$repo/from:a" "docker://$repo/from:b"
    is "$(rctr run --rm --network none list -c 'read -r a </arch; echo $a')" "$host"
    rctr pull -q --platform "linux/$foreign" localhost/list
    is "$(rctr image inspect -f '{{.Architecture}}' "$repo/from@$b")" "$foreign"
    fails_with 125 "no image found in the index" rctr run --rm --pull never --platform linux/s390x list
    rctr system check
}

@test "what the signature policy refuses is not copied from elsewhere" {
    remote "$repo/from:b" "$foreign"
    rctr manifest create list "docker://$repo/from:b"
    export XDG_CONFIG_HOME=$PWD/config
    mkdir -p config/containers
    echo '{"default": [{"type": "reject"}]}' >config/containers/policy.json
    fails_with 125 "polic" rctr manifest push list "$repo/to:1"
    fails_with 125 "polic" rctr manifest push list "dir:$PWD/to"
    fails_with 125 "manifest unknown" rctr manifest inspect "$repo/to:1"
    rm config/containers/policy.json
    rctr manifest push -q list "$repo/to:1"
}

@test "what the store knows of other registries goes with all else" {
    remote "$repo/from:b" "$foreign"
    rctr manifest create list "docker://$repo/from:b"
    rctr system df
    rctr system reset -f
    is "$(find "$RCTR_STATE" -mindepth 1 2>/dev/null)" ""
}

@test "a list takes one image of another list, or all that it has" {
    remote "$repo:a" "$host"
    remote "$repo:b" "$foreign"
    rctr manifest create both "docker://$repo:a" "docker://$repo:b"
    rctr manifest push -q both "$repo:both"
    rctr manifest create one "docker://$repo:both"
    is "$(rctr manifest inspect one | platforms)" "linux/$host"
    rctr manifest add --arch "$foreign" one "docker://$repo:both"
    is "$(rctr manifest inspect one | platforms)" "linux/$host linux/$foreign"
    rctr manifest create --all every "docker://$repo:both"
    is "$(rctr manifest inspect every | digests)" "$(rctr manifest inspect both | digests)"
    rctr manifest create --all mine localhost/both
    is "$(rctr manifest inspect mine | digests)" "$(rctr manifest inspect both | digests)"
    fails_with 125 "no image found in the index for linux/s390x" rctr manifest add --arch s390x one "docker://$repo:both"
    fails_with 125 "no image found in the index for linux/s390x" rctr manifest add --arch s390x one both
    fails_with 125 "--os, --arch and --variant cannot be used with it" rctr manifest add --all --arch s390x one both
}

@test "a list is pushed in the format that is asked for" {
    one a "$host"
    remote "$repo/from:b" "$foreign"
    rctr manifest create --annotation k=v list localhost/a "docker://$repo/from:b"
    rctr manifest push -f v2s2 list "$repo:v2" 2>err
    grep -q 'annotations' err
    is "$(raw "$repo:v2" | jq -r '.mediaType, (.manifests[].mediaType), .annotations' | sort -u)" \
        "$(printf '%s\n' application/vnd.docker.distribution.manifest.list.v2+json application/vnd.docker.distribution.manifest.v2+json null)"
    is "$(elsewhere pull -q "$repo:v2")" "$(rctr image inspect -f '{{.Id}}' localhost/a | sed 's/^sha256://')"
    elsewhere pull -q --platform "linux/$foreign" "$repo:v2"
    rctr manifest push -q -f oci list "$repo:oci"
    is "$(raw "$repo:oci")" "$(rctr manifest inspect list | jq -j -c .)"
    is "$(count blobs/sha256)" 5 # the list, and of the image two layers, config and manifest
    remote "$repo/from:docker" "$host" v2s2
    rctr manifest create docker "docker://$repo/from:docker"
    is "$(rctr manifest inspect docker | jq -r .mediaType)" application/vnd.docker.distribution.manifest.list.v2+json
    rctr manifest push -q -f oci docker "$repo:oci2"
    is "$(raw "$repo:oci2" | jq -r '.mediaType, .manifests[].mediaType' | paste -sd ' ')" \
        "application/vnd.oci.image.index.v1+json application/vnd.oci.image.manifest.v1+json"
    elsewhere run --rm --network none "$repo:oci2" -c true
    fails_with 125 'unknown format "blah"' rctr manifest push -f blah list "$repo:x"
    fails_with 125 'no layers compressed by zstd' rctr manifest push -f v2s2 --compression-format zstd list "$repo:x"
}

@test "an image with a layer of our own arrives under another digest, and the list says so" {
    rctr run --network none --name made localhost/busybox sh -c 'echo made >/made'
    rctr commit -q made localhost/made >/dev/null
    rctr rm made >/dev/null
    rctr manifest create list localhost/made
    rctr manifest push -q list "$repo:1"
    is "$(elsewhere run --rm --network none "$repo:1" cat /made)" made
    [ "$(raw "$repo:1" | digests)" != "$(rctr manifest inspect list | digests)" ]
}

@test "a list goes into archives and folders, with what only a registry has" {
    one a "$host"
    remote "$repo/from:b" "$foreign"
    rctr manifest create list localhost/a "docker://$repo/from:b"
    rctr manifest push -q list "oci-archive:$PWD/list.tar:1"
    rctr manifest push -q list "oci:$PWD/layout:1"
    rctr manifest push -q --digestfile "$PWD/digest" list "dir:$PWD/dir"
    is "$(cat dir/manifest.json)" "$(rctr manifest inspect list | jq -j -c .)"
    is "$(skopeo inspect --raw "oci-archive:$PWD/list.tar:1")" "$(cat dir/manifest.json)"
    is "$(skopeo inspect --raw "oci:$PWD/layout:1")" "$(cat dir/manifest.json)"
    is "sha256:$(sha256sum <dir/manifest.json | cut -d ' ' -f 1)" "$(cat digest)"
    skopeo copy -q --all --insecure-policy --dest-tls-verify=false "oci-archive:$PWD/list.tar:1" "docker://$repo:again"
    is "$(raw "$repo:again")" "$(cat dir/manifest.json)"
    rctr manifest push -q -f v2s2 list "dir:$PWD/v2"
    is "$(jq -r '.mediaType, .manifests[].mediaType' v2/manifest.json | sort -u | paste -sd ' ')" \
        "application/vnd.docker.distribution.manifest.list.v2+json application/vnd.docker.distribution.manifest.v2+json"
    fails_with 125 "hold single images, no list" rctr manifest push list "docker-archive:$PWD/x.tar"
    fails_with 125 "does not know the transport" rctr manifest push list containers-storage:x
    fails_with 125 "are for registries" rctr manifest push --compression-format zstd list "dir:$PWD/x"
    fails_with 125 "has the images of a list too" rctr manifest push --all=false list "dir:$PWD/x"
}

@test "an image out of an archive or a folder is loaded and added" {
    one a "$host"
    rctr save -q --format oci-archive -o a.tar localhost/a
    rctr save -q --format oci-dir -o layout localhost/a
    rctr save -q -o docker.tar localhost/a
    skopeo copy -q --insecure-policy "oci-archive:$PWD/a.tar" "dir:$PWD/folder"
    for from in oci-archive:a.tar oci:layout dir:folder docker-archive:docker.tar; do
        RCTR_STATE=$BATS_TEST_TMPDIR/else
        rctr manifest create list "$from"
        is "$(rctr manifest inspect list | platforms)" "linux/$host"
        rctr manifest push -q list "$repo:${from%%:*}"
        is "$(raw "$repo:${from%%:*}" | platforms)" "linux/$host"
        common_teardown
        cd "$BATS_TEST_TMPDIR"
    done
    fails_with 125 "cannot open 'nosuch.tar'" rctr manifest create other oci-archive:nosuch.tar
    fails_with 125 "--all takes no archive" rctr manifest create --all other oci-archive:a.tar
    fails_with 125 "does not know the transport" rctr manifest create other containers-storage:a
}

@test "the list alone is pushed where its images are already" {
    one a "$host"
    rctr manifest create list localhost/a
    fails_with 125 "" rctr manifest push --all=false list "$repo:1"
    rctr manifest push -q list "$repo:1"
    rctr manifest annotate --annotation k=v list localhost/a
    rctr manifest push -q --all=false list "$repo:1"
    is "$(raw "$repo:1" | jq -r '.manifests[0].annotations.k')" v
    fails_with 125 "which --all=false does not push" rctr manifest push --all=false -f oci list "$repo:1"
}

@test "images that are added side by side are all in the list" {
    rctr manifest create list
    one a "$host"
    rctr tag localhost/a b
    for i in 1 2 3 4 5 6 7 8; do
        one "x$i" "arch$i"
    done
    for i in 1 2 3 4 5 6 7 8; do
        rctr manifest add list "localhost/x$i" >/dev/null &
    done
    wait
    is "$(rctr manifest inspect list | platforms | tr ' ' '\n' | sort | paste -sd ' ')" \
        "linux/arch1 linux/arch2 linux/arch3 linux/arch4 linux/arch5 linux/arch6 linux/arch7 linux/arch8"
    rctr system check
}

@test "a remote manifest is shown as it is" {
    remote "$repo:a" "$host"
    is "$(rctr manifest inspect "docker://$repo:a" | jq -c .)" "$(raw "$repo:a" | jq -c .)"
    rctr pull -q "$repo:a"
    is "$(rctr manifest inspect "$repo:a" | jq -c .)" "$(raw "$repo:a" | jq -c .)"
    one mine "$host"
    is "$(rctr manifest inspect localhost/mine | jq -r .mediaType)" application/vnd.oci.image.manifest.v1+json
    fails_with 125 "manifest unknown" rctr manifest inspect "docker://$repo:nosuch"
    fails_with 125 "image not known" rctr manifest inspect localhost/nosuch
}

@test "what cannot be done is said" {
    one a "$host"
    rctr manifest create list localhost/a
    for words in "add nosuch localhost/a" "annotate nosuch localhost/a" "push nosuch $repo:1" "remove nosuch sha256:$(printf '0%.0s' {1..64})"; do
        # shellcheck disable=SC2086
        fails_with 125 "image not known" rctr manifest $words
    done
    fails_with 1 "image not known" rctr manifest rm nosuch
    rctr manifest rm -i nosuch
    for words in "add localhost/a localhost/a" "annotate localhost/a localhost/a" "push localhost/a $repo:1" "rm localhost/a" "exists localhost/a"; do
        # shellcheck disable=SC2086
        fails_with 125 "is an image, not a manifest list" rctr manifest $words
    done
    fails_with 125 "image not known" rctr manifest add list localhost/nosuch
    fails_with 125 "manifest unknown" rctr manifest add list "docker://$repo:nosuch"
    fails_with 125 "name of a local image" rctr manifest push list
    fails_with 125 "does not sign images" rctr manifest push --sign-by me list "$repo:1"
    fails_with 125 "--add-compression" rctr manifest push --add-compression zstd list "$repo:1"
    fails_with 125 "say the list's name" rctr manifest add "$(rctr manifest inspect list | jq -j -c . | sha256sum | cut -d ' ' -f 1)" localhost/a
}

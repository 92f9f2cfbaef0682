# also: single-uid
load common
load image

setup() {
    common_setup
    need_registry
    registry=$RCTR_TEST_REGISTRY
    repo=$registry/push$RANDOM$RANDOM
}

raw() { # the manifest that the registry has
    curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json' \
        "http://$registry/v2/${1#*/}/manifests/$2"
}

own() { # NAME: an image with a layer of our own, made by commit
    rctr run --network none --name made localhost/busybox sh -c 'head -c 300000 /dev/urandom >/random; cat /bin/busybox /bin/busybox >/text; ln /text /link; mkdir -m 700 /d'
    rctr commit -q made "$1" >/dev/null
    rctr rm made >/dev/null
}

elsewhere() { RCTR_STATE=$BATS_TEST_TMPDIR/else rctr "$@"; }

teardown() {
    RCTR_STATE=$BATS_TEST_TMPDIR/else common_teardown
    common_teardown
}

@test "what is pushed is pulled again, byte for byte" {
    rctr push localhost/busybox "$repo:1"
    is "$(elsewhere pull -q "$repo:1")" "$(rctr image inspect -f '{{.Id}}' localhost/busybox | sed 's/^sha256://')"
    is "$(elsewhere run --rm --network none "$repo:1" echo hello)" hello
    is "$(raw "$repo" 1 | sha256sum | cut -d ' ' -f 1)" "$(rctr image inspect -f '{{.Digest}}' localhost/busybox | sed 's/^sha256://')"
}

@test "a second push sends nothing" {
    rctr push localhost/busybox "$repo:1" 2>first
    rctr push localhost/busybox "$repo:2" 2>second
    grep -q ' done$' first
    ! grep -q ' done$' second
    grep -q 'is there already' second
}

@test "a layer made here is compressed on the way, and known the next time" {
    own "$repo:own"
    rctr push "$repo:own" 2>first
    is "$(raw "$repo" own | jq -r '.layers[1].mediaType')" application/vnd.oci.image.layer.v1.tar+gzip
    rctr push "$repo:own" "$repo:again" 2>second
    ! grep -q ' done$' second
    is "$(raw "$repo" own)" "$(raw "$repo" again)"
    elsewhere pull -q "$repo:own"
    is "$(elsewhere run --rm --network none "$repo:own" sh -c 'md5sum </random; md5sum </link; stat -c %h /text; stat -c %a /d')" \
        "$(rctr run --rm --network none "$repo:own" sh -c 'md5sum </random; md5sum </link; stat -c %h /text; stat -c %a /d')"
    rctr system check
}

@test "the compression can be chosen" {
    own "$repo:own"
    rctr push -q --compression-format zstd "$repo:own" "$repo:zstd"
    is "$(raw "$repo" zstd | jq -r '.layers[1].mediaType')" application/vnd.oci.image.layer.v1.tar+zstd
    rctr push -q --compression-level 9 "$repo:own" "$repo:nine"
    rctr push -q "$repo:own" "$repo:fast"
    [ "$(raw "$repo" nine | jq '.layers[1].size')" -lt "$(raw "$repo" fast | jq '.layers[1].size')" ]
    rctr push -q --compression-format none "$repo:own" "$repo:none"
    is "$(raw "$repo" none | jq -r '.layers[1].mediaType')" application/vnd.oci.image.layer.v1.tar
    rctr push -q --force-compression --compression-format zstd localhost/busybox "$repo:anew"
    is "$(raw "$repo" anew | jq -r '.layers[0].mediaType')" application/vnd.oci.image.layer.v1.tar+zstd
    for tag in zstd nine none anew; do
        elsewhere run --rm --network none "$repo:$tag" true
    done
    fails_with 125 "--compression-format" rctr push --compression-format bzip2 "$repo:own"
    fails_with 125 "gzip has 1 to 9" rctr push --compression-level 10 "$repo:own"
}

@test "the manifest goes in the words that are asked for" {
    rctr push -q --format v2s2 localhost/busybox "$repo:d"
    is "$(raw "$repo" d | jq -r .mediaType)" application/vnd.docker.distribution.manifest.v2+json
    rctr push -q --format oci localhost/busybox "$repo:o"
    is "$(raw "$repo" o | jq -r .mediaType)" application/vnd.oci.image.manifest.v1+json
    is "$(elsewhere pull -q "$repo:d")" "$(elsewhere pull -q "$repo:o")"
    fails_with 125 "unrecognized image format" rctr push --format zip localhost/busybox "$repo:z"
    own plain
    fails_with 125 "has no layers compressed by zstd" rctr push --format v2s2 --compression-format zstd plain "$repo:z"
}

@test "archives and folders are destinations too, for layers made here as well" {
    printf 'FROM localhost/busybox\nRUN echo built >/built\n' | rctr build -q -t built -f - . >/dev/null
    for place in "oci:$BATS_TEST_TMPDIR/layout:n" "oci-archive:$BATS_TEST_TMPDIR/o.tar" "dir:$BATS_TEST_TMPDIR/dir" "docker-archive:$BATS_TEST_TMPDIR/d.tar:x:1"; do
        rctr push -q built "$place"
        id=$(elsewhere pull -q "$place" | sed 's/^sha256://')
        is "$id" "$(rctr image inspect -f '{{.Id}}' built | sed 's/^sha256://')"
        is "$(elsewhere run --rm --network none "$id" cat /built)" built
    done
    rctr push -q built "$repo:b"
    is "$(elsewhere run --rm --network none "$repo:b" cat /built)" built
}

@test "another repository of the registry gives what it has" {
    rctr push -q localhost/busybox "$repo:1"
    rctr tag localhost/busybox "$repo:1"
    rctr push localhost/busybox "$repo/other:1" 2>out
    grep -q 'mounted from another repository' out
    elsewhere run --rm --network none "$repo/other:1" true
}

@test "several layers go side by side" {
    rctr pull -q "$registry/test/layers:30"
    rctr push "$registry/test/layers:30" "$repo:30" 2>out
    is "$(elsewhere pull -q "$repo:30")" "$(rctr image inspect -f '{{.Id}}' "$registry/test/layers:30" | sed 's/^sha256://')"
}

@test "--digestfile tells what to pull" {
    rctr push -q --digestfile "$PWD/digest" localhost/busybox "$repo:1"
    elsewhere pull -q "$repo@$(cat digest)"
}

@test "skopeo and podman understand what arrived" {
    own "$repo:own"
    rctr push -q "$repo:own"
    echo '{}' >auth.json
    export REGISTRY_AUTH_FILE=$PWD/auth.json
    is "$(skopeo inspect --tls-verify=false "docker://$repo:own" | jq '.Layers | length')" 2
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$repo:own" "dir:$PWD/copy"
}

@test "a registry that wants a password gets it" {
    local auth=${RCTR_TEST_REGISTRY_AUTH:-}
    [ -n "$auth" ] || skip "RCTR_TEST_REGISTRY_AUTH names no registry"
    fails_with 125 "unauthorized" rctr push localhost/busybox "$auth/push$RANDOM:1"
    fails_with 125 "unauthorized" rctr push --creds tester:wrong localhost/busybox "$auth/push$RANDOM:1"
    rctr push -q --creds tester:secret localhost/busybox "$auth/push$RANDOM:1"
}

@test "what cannot be pushed is said so" {
    fails_with 125 "image not known" rctr push nosuch "$repo:1"
    fails_with 125 "name of a local image" rctr push localhost/busybox
    fails_with 125 "cannot ask registry" rctr push --retry 0 localhost/busybox 127.0.0.1:1/x:1
    fails_with 125 "cannot write" rctr push -q --digestfile /nosuch/x localhost/busybox "$repo:1"
}

#!/usr/bin/env bats
# rctr image copy from and to registries that misbehave, that want tokens, or that have a certificate
# of their own.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load image
load fake
load registries

setup_file() {
    fake_start
    [ -z "${RCTR_TEST_REGISTRY:-}" ] || registries_start token tls
}

teardown_file() {
    fake_stop
    [ -z "${RCTR_TEST_REGISTRY:-}" ] || registries_stop
}

setup() {
    common_setup
    fake_setup
}

# not_copied FAULT WORDS [OPTION...]: into every kind of file; nothing is there afterwards.
not_copied() {
    local fault=$1 words=$2 to
    shift 2
    for to in oci:new oci-archive:new docker-archive:new dir:new; do
        fails_with 125 "$words" rctr image copy -q "$@" "$HTTP/$fault/$BATS_TEST_NUMBER" "$to"
        [ ! -f new ]
        [ ! -e new/index.json ] && [ ! -e new/manifest.json ]
        # at most whole blobs that nothing names
        for file in $(find new -type f 2>/dev/null); do
            is "$(sha256sum <"$file" | cut -d' ' -f1)" "${file##*/}"
        done
        rm -rf new
    done
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "blobs that lie, and documents that lie" {
    not_copied truncated "cannot ask registry" --retry 0
    not_copied wrong-length "were announced"
    not_copied altered "is not what arrived"
    not_copied too-long "more bytes arrive than"
    not_copied endless "more bytes arrive than"
    not_copied blob-missing "blob unknown"
    not_copied manifest-altered "altered on the way?"
    not_copied manifest-cut "cannot ask registry" --retry 0
}

@test "what passes is tried again, and goes on where it stopped" {
    for fault in 503-once cut-once cut-norange reset-once; do
        rctr image copy "$HTTP/$fault/$BATS_TEST_NUMBER" "dir:$fault" 2>err
        layer=$(jq -r '.layers[0].digest' "$fault/manifest.json" | cut -c8-)
        is "$(sha256sum <"$fault/$layer" | cut -d' ' -f1)" "$layer"
    done
    grep -q "/v2/cut-once/$BATS_TEST_NUMBER/blobs/sha256:$layer - bytes=" "$FAKE/log"
    fails_with 125 "cannot ask registry" rctr image copy -q --retry 0 "$HTTP/reset/$BATS_TEST_NUMBER" dir:x
}

@test "with tokens, and layers from another repository" {
    need_registry
    image_archive a.tar x hello
    token=$(at token)
    fails_with 125 "unauthorized" rctr image copy oci-archive:a.tar "$token/from/here:1"
    rctr image copy -q --dest-creds tester:secret oci-archive:a.tar "$token/from/here:1"
    rctr image copy --src-creds tester:secret --dest-creds tester:secret "$token/from/here:1" "$token/to/there:1" 2>out
    grep -q 'mounted from another repository' out
    rctr image copy -q --src-creds tester:secret "$token/to/there:1" dir:d
    is "$(sha256sum <d/manifest.json)" "$(rctr image inspect --raw oci-archive:a.tar | sha256sum)"
    is "$(rctr image inspect --creds tester:secret -f '{{.Digest}}' "docker://$token/to/there:1")" \
        "$(rctr image inspect -f '{{.Digest}}' oci-archive:a.tar)"
    rctr image delete --creds tester:secret "$token/to/there:1"
    fails_with 125 "unknown" rctr image inspect --creds tester:secret "docker://$token/to/there:1"
}

@test "a certificate of a private authority, for either side" {
    need_registry
    image_archive a.tar x hello
    tls=$(at tls)
    mkdir ca
    cp "$REG/ca.crt" ca
    fails_with 125 "certificate" rctr image copy --retry 0 oci-archive:a.tar "$tls/x:1"
    rctr image copy -q --dest-cert-dir ca oci-archive:a.tar "$tls/x:1"
    fails_with 125 "certificate" rctr image copy --retry 0 "$tls/x:1" dir:x
    rctr image copy -q --src-cert-dir ca "$tls/x:1" dir:one
    rctr image copy -q --src-tls-verify=false "$tls/x:1" dir:two
    diff -r one two
    rctr image copy -q --src-tls-verify=false --dest-cert-dir ca "$tls/x:1" "$tls/y:1"
}

@test "who reads the archive goes away: that is told" {
    need_registry
    mkdir root
    head -c 3000000 /dev/urandom >root/big
    oci_pack root >big.tar
    OCI_COMPRESS=none oci_new big '{}' big.tar
    mkfifo pipe
    head -c 1000 pipe >/dev/null &
    fails_with 125 "Broken pipe" rctr image copy -q oci:big oci-archive:pipe
    wait
    [ -p pipe ]
}

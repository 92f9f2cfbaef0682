#!/usr/bin/env bats
# rctr push to a registry that misbehaves (tests/tools/fake_upload.py): status 125 and the reason in
# words, or the image is there whole. The store is afterwards what it was.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load fake
load image

setup_file() {
    fake_start
    # a layer that is large enough to be cut
    mkdir "$BATS_FILE_TMPDIR/root"
    head -c 2500000 /dev/urandom >"$BATS_FILE_TMPDIR/root/noise"
}

teardown_file() {
    fake_stop
}

setup() {
    common_setup
    fake_setup
    # one layer as it was pulled, one that is compressed while it is sent
    oci_pack "$BATS_FILE_TMPDIR/root" >layer.tar
    OCI_COMPRESS=gzip oci_new oci '{}' layer.tar
    OCI_COMPRESS=none oci_new plain '{}' layer.tar
    rctr tag "$(rctr pull -q oci:oci)" localhost/packed
    RCTR_STATE=$BATS_TEST_TMPDIR/second rctr tag "$(RCTR_STATE=$BATS_TEST_TMPDIR/second rctr pull -q oci:plain)" localhost/plain
}

teardown() {
    RCTR_STATE=$BATS_TEST_TMPDIR/second common_teardown
    RCTR_STATE=$BATS_TEST_TMPDIR/else common_teardown
    common_teardown
}

# each_image COMMAND...: with the image that is packed, and with the one that is not
each_image() {
    image=localhost/packed "$@"
    RCTR_STATE=$BATS_TEST_TMPDIR/second image=localhost/plain "$@"
}

nothing_begun() { # but locks
    local left
    left=$(find "$RCTR_STATE/tmp" "$RCTR_STATE/cache/pull" -mindepth 1 -not -name '*.lock' 2>/dev/null) || true
    [ -z "$left" ] || { echo "left behind: $left"; return 1; }
    rctr system check
}

# refused FAULT WORDS [OPTION...]
refused() {
    local fault=$1 words=$2
    shift 2
    fails_with 125 "$words" rctr push -q "$@" "$image" "$HTTP/$fault/$BATS_TEST_NUMBER"
    nothing_begun
}

# arrives FAULT [OPTION...]
arrives() {
    local fault=$1
    shift
    rctr push "$@" "$image" "$HTTP/$fault/$BATS_TEST_NUMBER/${image##*/}" 2>"$BATS_TEST_TMPDIR/stderr" || { cat "$BATS_TEST_TMPDIR/stderr"; return 1; }
    nothing_begun
    rm -rf "$BATS_TEST_TMPDIR/else" 2>/dev/null || RCTR_STATE=$BATS_TEST_TMPDIR/else rctr unshare rm -rf "$BATS_TEST_TMPDIR/else"
    RCTR_STATE=$BATS_TEST_TMPDIR/else rctr pull -q "$HTTP/$fault/$BATS_TEST_NUMBER/${image##*/}"
    cmp "$BATS_TEST_TMPDIR"/else/layers/*/tree/noise "$BATS_FILE_TMPDIR/root/noise"
}

@test "a registry without faults has it all" {
    each_image arrives up-ok
}

@test "an upload that goes to another host: credentials do not" {
    each_image arrives up-other
    each_image arrives up-other-auth --creds tester:secret
    [ "$(asked "^other PUT /v2/up-other-auth/.* - ")" -ge 2 ]
    is "$(asked "^other .*up-other-auth.* auth ")" 0
    [ "$(asked "^http POST /v2/up-other-auth/.* auth ")" -ge 2 ]
}

@test "an upload that is redirected: the bytes follow, credentials do not" {
    image=localhost/packed arrives up-redirect --creds tester:secret
    is "$(asked "^other .*up-redirect.* auth ")" 0
    RCTR_STATE=$BATS_TEST_TMPDIR/second
    image=localhost/plain arrives up-redirect --creds tester:secret
}

@test "an upload that is to go without https, into a file, or nowhere" {
    each_image refused up-foreign "'192.0.2.1' would be asked over plain http"
    each_image refused up-file "neither http nor https"
    each_image refused up-nowhere "does not say where to upload to"
    mkdir certs && cp "$FAKE/tls.crt" certs/ca.crt
    fails_with 125 "without https: refused" rctr push -q --tls-verify --cert-dir certs localhost/packed "$TLS/up-down/1"
}

@test "a token that expires in the middle of an upload" {
    each_image arrives up-401
    [ "$(asked "^http GET /token.*up-401/")" -ge 5 ] # of each push and pull, and in the middle
}

@test "a registry that never accepts its own token" {
    each_image refused up-401-always "unauthorized"
    [ "$(asked "^http P.* /v2/up-401-always/$BATS_TEST_NUMBER/blobs")" -le 16 ]
}

@test "bodies that are too large go in smaller pieces" {
    each_image arrives up-413
    [ "$(asked "^http PATCH /v2/up-413/$BATS_TEST_NUMBER/packed/blobs")" -ge 4 ]
    each_image refused up-413-always "status 413"
}

@test "a burst of 5xx at the beginning, at the end, at the manifest" {
    each_image arrives up-begin-503
    each_image arrives up-500
    each_image arrives up-500-patch
    each_image arrives up-manifest-503
}

@test "500 for ever" {
    each_image refused up-500-always "status 500" --retry 1
}

@test "a connection that is reset in the middle of a body: it begins anew" {
    each_image arrives up-reset
    has "$(cat stderr)" "trying again"
    each_image refused up-reset-always "uploading blob sha256:" --retry 1
}

@test "a registry that lies about what it stored" {
    each_image refused up-lie-blob "the registry says that it stored sha256:"
    each_image refused up-lie "the registry says that it stored sha256:"
}

@test "a registry that says it has what it has not" {
    each_image refused up-liar "manifest blob unknown"
}

@test "a registry that says no" {
    each_image refused up-denied "denied: requested access"
    each_image refused up-invalid "manifest invalid"
}

@test "answers without end" {
    each_image refused up-headers "headers"
    each_image refused up-endless "status 400"
}

@test "a registry that stops reading is given up" {
    mkdir large && truncate -s 64M large/zeros # more than the buffers on the way hold
    oci_pack large >large.tar
    OCI_COMPRESS=none oci_new big '{}' large.tar
    rctr tag "$(rctr pull -q oci:big)" localhost/big
    image=localhost/big refused up-slow "too slow" --retry 0 --compression-format none
}

#!/usr/bin/env bats
# rctr pull from a registry whose answers lie, break off or never end; pull.bats has the plain cases.
# Each: status 125, the reason in words, nothing left in the store.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load fake

setup_file() {
    fake_start
}

teardown_file() {
    fake_stop
}

setup() {
    common_setup
    fake_setup
}

# --- documents that are cut, altered or of another size ---------------------------------------------

@test "a manifest that is cut on the way, or was cut before" {
    refused manifest-cut "cannot ask registry" --retry 0
    refused manifest-short "altered on the way?"
    refused manifest-short-unnamed "not valid JSON"
}

@test "a manifest that was altered: by its own name, and by the digest that was asked for" {
    refused manifest-altered "altered on the way?"
    rctr pull -q "$HTTP/ok/$BATS_TEST_NUMBER"
    digest=$(rctr image inspect -f '{{.Digest}}' "$HTTP/ok/$BATS_TEST_NUMBER")
    fails_with 125 "what the registry sent has the digest sha256:" rctr pull -q "$HTTP/manifest-altered/1@$digest"
    run ! rctr image exists "$HTTP/manifest-altered/1@$digest"
    is "$(rctr images -aq | wc -l)" 1
    rctr system check
}

@test "Docker-Content-Digest: none is needed, one that is no digest is refused" {
    succeeds unnamed
    export RCTR_STATE=$BATS_TEST_TMPDIR/state-none
    refused digest-lie-grammar "the registry says its digest is sha256:../../x"
}

@test "a tag that moves between two requests: an image is all of one or all of the other" {
    name=$HTTP/tag-moves/$BATS_TEST_NUMBER
    rctr pull -q "$name"
    is "$(asked "GET /v2/tag-moves/$BATS_TEST_NUMBER/manifests/latest")" 1
    first=$(rctr image inspect -f '{{.Digest}}' "$name")
    rctr pull -q "$name"
    second=$(rctr image inspect -f '{{.Digest}}' "$name")
    [ "$first" != "$second" ]
    rctr system check
    is "$(rctr images -q "$name" | wc -l)" 1
}

@test "a config that is cut, shorter, longer or without end" {
    refused config-cut "cannot ask registry" --retry 0
    refused config-short "were announced"
    refused config-long "larger than the limit"
    refused config-endless "larger than the limit"
    refused config-missing "blob unknown"
    refused config-size "larger than the limit"
    refused config-large "config"
    refused config-double "duplicate"
}

@test "sizes that are none" {
    refused size-negative "size"
    refused size-huge "big"
    refused size-float "size"
    refused size-words "size"
}

@test "digests of other kinds" {
    refused digest-512 "is not a digest"
    refused digest-blank "64 lower-case hex digits"
    refused digest-config "64 lower-case hex digits"
}

@test "a manifest without layers, or with an inner key twice" {
    refused no-layers "layers"
    refused duplicate-inner "duplicate"
}

@test "an index in an index, an empty one, one that lies about a size" {
    refused index-in-index "index"
    refused index-empty "it has: none"
    refused index-size "were announced"
    refused index-size "were announced" --all-platforms
}

# --- answers that are hardly HTTP -----------------------------------------------------------------------

@test "Content-Length that is negative, no number, there twice, or too large for any number" {
    local fault
    for fault in length-negative length-words; do
        refused $fault "Content-Length" --retry 0
        refused $fault-blob "Content-Length" --retry 0
    done
    refused length-huge "a length that is none"
    refused length-huge-blob "a length that is none"
    refused length-two "two lengths for one answer"
    refused length-two-blob "two lengths for one answer"
}

@test "chunks that are none" {
    refused chunks-bad "manifest latest" --retry 0
    refused chunks-bad-blob "sha256:" --retry 0
    refused chunks-huge "manifest latest" --retry 0
    refused chunks-huge-blob "sha256:" --retry 0
}

@test "answers that are of another protocol, or empty" {
    refused not-http "cannot ask registry" --retry 0
    refused no-status "manifest latest" --retry 0
    run ! grep -q $'\033' stderr
    refused no-content "not valid JSON"
    refused no-content-blob "sha256:"
    refused not-modified "status 304"
    refused not-modified-blob "status 304"
}

@test "a connection that is closed or reset before an answer, or in the middle of a manifest" {
    refused hang-up "cannot ask registry" --retry 0
    refused reset-first "cannot ask registry" --retry 0
    refused reset-first-blob "cannot ask registry" --retry 0
    refused reset-manifest "cannot ask registry" --retry 0
}

@test "headers without end: one that is long, many, and answers that promise another" {
    refused header-long "header" --retry 0
    refused header-long-blob "header" --retry 0
    refused headers-blob "headers" --retry 0
    refused continue-endless "headers" --retry 0
}

@test "errors without end, hostile ones, and those of a gateway" {
    refused error-endless "not found"
    refused error-endless-blob "not found"
    refused error-hostile "status 400"
    refused 502-html "status 502" --retry 1
    refused 500-always-blob "status 500" --retry 1
    refused 429-odd-date "toomanyrequests"
}

@test "slow-loris: headers, a manifest, a blob's headers, and no answer at all" {
    local fault pids=() failed=0
    for fault in slow-headers slow-manifest slow-headers-blob slow-nothing; do
        (
            export RCTR_STATE=$BATS_TEST_TMPDIR/state-$fault BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/$fault
            mkdir "$BATS_TEST_TMPDIR"
            refused $fault "too slow" --retry 0 || { echo "$fault"; exit 1; }
        ) >"$fault.out" 2>&1 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
    cat ./*.out
    is $failed 0
}

# --- credentials -------------------------------------------------------------------------------------------

@test "a blob that is never accepted, whatever the token" {
    refused auth-loop-blob "unauthorized"
    [ "$(asked "GET /v2/auth-loop-blob/$BATS_TEST_NUMBER/blobs")" -le 4 ]
}

@test "a token server on another host is asked for the token, which goes to the registry alone" {
    succeeds realm-other --creds tester:secret
    is "$(asked "^other GET /token.*realm-other.* auth")" 1
    is "$(asked "^other GET /v2/")" 0
}

@test "a token server that redirects: the password does not follow" {
    rctr pull -q --creds tester:secret "$HTTP/realm-moved/$BATS_TEST_NUMBER"
    is "$(asked "^http GET /token?realm=moved.*realm-moved/$BATS_TEST_NUMBER.* auth")" 1
    is "$(asked "^other GET /token?realm=moved.*realm-moved/$BATS_TEST_NUMBER.* -")" 1
    is "$(asked "^other .*realm-moved.* auth")" 0
}

@test "nor does an identity token" {
    printf '{"auths": {"%s": {"identitytoken": "ident+ity"}}}' "$HTTP" >"$REGISTRY_AUTH_FILE"
    refused realm-moved "redirects credentials to another host"
    is "$(asked "^http POST /token?realm=moved auth")" 1
    is "$(asked "^other POST /token")" 0
}

@test "a password does not follow a blob to another host" {
    succeeds redirect-basic --creds tester:secret
    is "$(asked "^http GET /v2/redirect-basic/$BATS_TEST_NUMBER/blobs.* auth ")" 2
    is "$(asked "^other GET /v2/redirect-basic/$BATS_TEST_NUMBER/blobs.* - ")" 1
    is "$(asked "^other .*redirect-basic.* auth")" 0
}

@test "a blob that is redirected from https to http, or without end" {
    mkdir certs && cp "$FAKE/tls.crt" certs/ca.crt
    fails_with 125 "from https to http" rctr pull -q --tls-verify --cert-dir certs "$TLS/redirect-down-blob/1"
    store_is_empty
    refused redirect-loop-blob "more than 10 times"
}

@test "a token server that fails for a moment" {
    succeeds token-429
    has "$(cat stderr)" "waiting 1 s"
    succeeds token-503
}

@test "a token server that fails for good" {
    refused token-500 "status 500" --retry 1
    refused token-401 "incorrect username or password"
    refused token-loop "more than 10 times"
    refused token-endless "larger than the limit"
    refused token-html "token server '127.0.0.1"
    refused token-none "no usable token"
    succeeds token-redirect
}

# --- the same without a store: image copy, image inspect, lists ----------------------------------------

# Faults of documents and blobs, which `image copy` reads both; 0 retries where they would cost time.
COPIED="truncated altered altered-head too-long endless wrong-size-more wrong-size-less wrong-length blob-missing
config-altered config-short config-long config-missing digest-lie manifest-altered manifest-short endless-manifest
big-manifest both duplicate-keys deep not-json schema-1 unknown-type digest-path digest-upper digest-63 digest-md5
size-negative length-two length-two-blob headers-blob redirect-loop-blob auth-loop auth-loop-blob realm-http token-bad
reset-first-blob chunks-bad-blob not-modified-blob error-endless-blob denied missing index-moved index-size"

@test "image copy takes nothing that is wrong, into no kind of place" {
    local fault
    for fault in $COPIED; do
        echo "fault: $fault"
        fails_with 125 "" rctr image copy -q --retry 0 "$HTTP/$fault/$BATS_TEST_NUMBER" dir:out
        [ ! -e out/manifest.json ]
        [ "$(wc -c <stderr)" -gt 30 ]
        run ! grep -q $'\033' stderr
        fails_with 125 "" rctr image copy -q --retry 0 "$HTTP/$fault/$BATS_TEST_NUMBER" oci-archive:out.tar
        [ ! -e out.tar ]
        fails_with 125 "" rctr image copy -q --retry 0 "$HTTP/$fault/$BATS_TEST_NUMBER" "$HTTP/up-ok/$BATS_TEST_NUMBER/$fault"
        fails_with 125 "unknown" rctr pull -q "$HTTP/up-ok/$BATS_TEST_NUMBER/$fault"
    done
    [ ! -e "$RCTR_STATE" ] || store_is_empty
}

@test "image copy mends what passes" {
    local fault
    for fault in 503-once 500-burst reset-once cut-once cut-norange token-expires token-short 429-seconds redirect-blob; do
        echo "fault: $fault"
        rctr image copy -q "$HTTP/$fault/$BATS_TEST_NUMBER" "dir:out-$fault"
        is "$(sha256sum "out-$fault/manifest.json" | cut -c1-64)" "$(rctr image inspect -f '{{.Digest}}' "docker://$HTTP/ok/1" | cut -d: -f2)"
    done
}

@test "image inspect of a registry refuses the same documents" {
    local fault
    for fault in digest-lie manifest-altered config-altered config-long both not-json no-platform digest-path denied; do
        fails_with 125 "" rctr image inspect "docker://$HTTP/$fault/$BATS_TEST_NUMBER"
        [ "$(wc -c <stderr)" -gt 30 ]
    done
}

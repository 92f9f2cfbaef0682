#!/usr/bin/env bats
# rctr pull: from Debian's docker-registry, and from one that misbehaves (tests/tools/fake-registry.py).
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

# --- what works ----------------------------------------------------------------------------------

@test "an image of one layer is pulled, its id is printed" {
    need_registry
    run --separate-stderr rctr pull "$RCTR_TEST_REGISTRY/test/busybox"
    [ "$status" -eq 0 ]
    [[ ${lines[0]} =~ ^[0-9a-f]{64}$ ]]
    has "$stderr" "Trying to pull $RCTR_TEST_REGISTRY/test/busybox:latest..."
    has "$stderr" " done"
    rctr image exists "$RCTR_TEST_REGISTRY/test/busybox"
}

@test "30 layers are pulled side by side, a second pull fetches nothing" {
    need_registry
    rctr pull "$RCTR_TEST_REGISTRY/test/layers:30" 2>first
    is "$(grep -c ' done$' first)" 30
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 30
    rctr pull "$RCTR_TEST_REGISTRY/test/layers:30" 2>second
    is "$(grep -c 'skipped: already exists' second)" 30
}

@test "a layer in zstd, and one that is not compressed" {
    need_registry
    need_command zstd
    mkdir -p tree && echo zstd >tree/file
    oci_pack tree >layer.tar
    OCI_COMPRESS=zstd oci_new z '{}' layer.tar
    oci_push z test/pull-zstd
    echo plain >tree/file
    oci_pack tree >layer.tar
    OCI_COMPRESS=none oci_new n '{}' layer.tar
    oci_push n test/pull-plain
    rctr pull -q "$RCTR_TEST_REGISTRY/test/pull-zstd" "$RCTR_TEST_REGISTRY/test/pull-plain"
    is "$(cat "$RCTR_STATE"/layers/*/tree/file | sort)" "$(printf 'plain\nzstd')"
}

@test "a layer that is here in another compression: its blob comes too, so that all can be saved" {
    need_registry
    local repo=$RCTR_TEST_REGISTRY/keep$RANDOM$RANDOM
    rctr pull -q "$RCTR_TEST_REGISTRY/test/busybox:latest"
    rctr push -q --force-compression --compression-format zstd "$RCTR_TEST_REGISTRY/test/busybox:latest" "$repo:zstd"
    rctr image prune -af
    rctr rmi -af
    rctr pull -q "$RCTR_TEST_REGISTRY/test/busybox:latest"
    rctr pull -q "$repo:zstd"
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 1
    is "$(ls "$RCTR_STATE/blobs/sha256" | wc -l)" 5 # two manifests and layers, one config
    rctr save -q -o all.tar "$RCTR_TEST_REGISTRY/test/busybox:latest" "$repo:zstd"
    rctr pull "$repo:zstd" 2>again
    ! grep -q ' done$' again
    rctr rmi "$repo:zstd"
    is "$(ls "$RCTR_STATE/blobs/sha256" | wc -l)" 3
}

@test "docker's own manifest format" {
    need_registry
    skopeo copy -q --insecure-policy --format v2s2 --src-tls-verify=false --dest-tls-verify=false \
        "docker://$RCTR_TEST_REGISTRY/test/busybox" "docker://$RCTR_TEST_REGISTRY/test/pull-v2s2"
    rctr pull -q "$RCTR_TEST_REGISTRY/test/pull-v2s2"
}

@test "by digest, and not when the digest is another" {
    need_registry
    digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$RCTR_TEST_REGISTRY/test/busybox")
    rctr pull -q "$RCTR_TEST_REGISTRY/test/busybox@$digest"
    rctr image exists "$RCTR_TEST_REGISTRY/test/busybox@$digest"
    fails_with 125 "manifest unknown" rctr pull -q "$RCTR_TEST_REGISTRY/test/busybox@sha256:${digest:8:63}0"
}

@test "twenty pulls of one image at once" {
    pids=()
    for i in $(seq 20); do
        rctr pull -q "$HTTP/ok/$BATS_TEST_NUMBER" >"out.$i" 2>&1 &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    is "$(cat out.* | sort -u | wc -l)" 1
    # one fetches the layer, the others wait for it and only read manifest and config
    is "$(grep "/ok/$BATS_TEST_NUMBER/blobs/" "$FAKE/log" | sort | uniq -c | awk '$1 == 1' | wc -l)" 2 # config and layer
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 1
    is "$(find "$RCTR_STATE/tmp" "$RCTR_STATE/cache" -type f)" ""
}

@test "an index: the entry of this machine is chosen" {
    succeeds index
}

@test "policies: missing, never, newer, always" {
    name=$HTTP/ok/$BATS_TEST_NUMBER
    fails_with 125 "image not known" rctr pull --policy never "$name"
    id=$(rctr pull -q --policy missing "$name")
    before=$(asked "/ok/$BATS_TEST_NUMBER/manifests")
    is "$(rctr pull -q --policy missing "$name")" "$id"
    is "$(rctr pull -q --policy never "$name")" "$id"
    is "$(asked "/ok/$BATS_TEST_NUMBER/manifests")" "$before"
    is "$(rctr pull -q --policy newer "$name")" "$id"
    is "$(rctr pull -q "$name")" "$id"
    is "$(asked "/ok/$BATS_TEST_NUMBER/manifests")" $((before + 2))
    fails_with 125 "is not a pull policy" rctr pull --policy sometimes "$name"
}

@test "quiet says nothing but the id" {
    run --separate-stderr rctr pull -q "$HTTP/ok/$BATS_TEST_NUMBER"
    is "$stderr" ""
    is "${#lines[@]}" 1
}

# --- who we are ----------------------------------------------------------------------------------

@test "a registry with passwords: none, wrong, right, and from the auth file" {
    [ -n "${RCTR_TEST_REGISTRY_AUTH:-}" ] || skip "RCTR_TEST_REGISTRY_AUTH is not set (tests/run.sh sets it)"
    name=$RCTR_TEST_REGISTRY_AUTH/test/pull-auth
    skopeo copy -q --insecure-policy --dest-tls-verify=false --dest-creds tester:secret \
        "oci-archive:$RCTR_TEST_IMAGES/busybox.tar" "docker://$name"
    fails_with 125 "unauthorized: authentication required" rctr pull -q "$name"
    fails_with 125 "incorrect username or password" rctr pull -q --creds tester:wrong "$name"
    store_is_empty
    rctr pull -q --creds tester:secret "$name"
    printf '{"auths": {"%s": {"auth": "%s"}}}' "$RCTR_TEST_REGISTRY_AUTH" "$(printf tester:secret | base64)" >my.json
    rctr pull -q --authfile my.json "$name"
    fails_with 125 "does not exist" rctr pull -q --authfile none.json "$name"
}

@test "an auth file that is a FIFO is refused, not waited for" {
    mkfifo fifo
    fails_with 125 "fifo" timeout 10 rctr pull -q --authfile fifo "$HTTP/ok/1"
}

@test "a token is fetched, and again when it expires in the middle" {
    succeeds token
    succeeds token-expires
    # for the manifest, and when the config and the layer are refused
    is "$(grep -c "GET /token.*token-expires" "$FAKE/log")" 3
}

@test "tokens that are good for one request each, and a blob that is cut meanwhile" {
    succeeds token-short
    # manifest, config, the layer's first half and its second: a token each
    is "$(asked "GET /token.*token-short")" 4
    is "$(asked "token-short/$BATS_TEST_NUMBER/blobs/.* auth bytes=[1-9]")" 2
}

@test "an identity token is exchanged for a token" {
    printf '{"auths": {"%s": {"identitytoken": "ident+ity"}}}' "$HTTP" >"$REGISTRY_AUTH_FILE"
    succeeds token
    is "$(asked "GET /token.*repository:token/$BATS_TEST_NUMBER:")" 0
    printf '{"auths": {"%s": {"identitytoken": "wrong"}}}' "$HTTP" >"$REGISTRY_AUTH_FILE"
    fails_with 125 "incorrect username or password" rctr pull -q "$HTTP/token/$BATS_TEST_NUMBER"
}

@test "a redirect to another host gets the request but not the credentials" {
    succeeds redirect-token
    is "$(asked "^http GET /v2/redirect-token/$BATS_TEST_NUMBER/blobs.* auth ")" 2
    is "$(asked "^other GET /v2/redirect-token/$BATS_TEST_NUMBER/blobs.* - ")" 1
    is "$(asked "^other .*auth ")" 0
}

@test "a registry that never accepts its own token" {
    refused auth-loop "unauthorized"
}

@test "a token server without https gets nothing" {
    refused realm-http "without https"
    refused realm-http "credentials do not go there" --creds tester:secret
}

@test "a challenge without an address, and a token with line ends" {
    refused realm-none "does not say where"
    refused token-bad "no usable token"
}

@test "basic authentication" {
    refused basic "authentication required"
    succeeds basic --creds tester:secret
}

# --- what goes wrong on the way ------------------------------------------------------------------

@test "no such image" {
    refused missing "manifest unknown"
    refused denied "denied: requested access"
}

@test "a registry that cannot be reached" {
    fails_with 125 "connect" rctr pull -q --retry 0 127.0.0.1:1/none
    store_is_empty
}

@test "a blob that is cut short every time" {
    refused truncated "registry" --retry 1
}

@test "a blob that is cut once goes on where it ended" {
    succeeds cut-once
    has "$(cat "$BATS_TEST_TMPDIR/stderr")" "trying again"
    is "$(asked "cut-once/$BATS_TEST_NUMBER/blobs/.*bytes=[1-9][0-9]*-$")" 1
}

@test "a server that ignores Range sends it all again" {
    succeeds cut-norange
}

@test "a server that answers with another range is refused" {
    refused bad-range "another range"
}

@test "one 503, and a burst of 500" {
    succeeds 503-once
    succeeds 500-burst
}

@test "500 for ever" {
    refused 500-always "status 500" --retry 1
}

@test "429 is waited for, in seconds and as a date" {
    succeeds 429-seconds
    has "$(cat "$BATS_TEST_TMPDIR/stderr")" "waiting 1 s"
    succeeds 429-date
}

@test "429 for an hour is said at once" {
    refused 429-long "asks to wait 3600"
    has "$(cat stderr)" "its limit is 100 requests in 6 hours, 0 are left"
    has "$(cat stderr)" "rctr login"
    refused 429-odd "asks to wait 3600"
    ! grep -q -e "its limit" -e $'\033' stderr
}

@test "a connection that is reset in the middle, once and every time" {
    succeeds reset-once
    has "$(cat "$BATS_TEST_TMPDIR/stderr")" "trying again"
    is "$(asked "reset-once/$BATS_TEST_NUMBER/blobs/.*bytes=[1-9][0-9]*-$")" 1
    export RCTR_STATE=$BATS_TEST_TMPDIR/state-reset
    refused reset "layer sha256:" --retry 1
}

@test "an altered blob" {
    refused altered "not what arrived"
    refused altered-head "not what arrived"
}

@test "a blob of another size" {
    refused too-long "more bytes arrive"
    refused endless "more bytes arrive"
    refused wrong-size-more "announced"
    refused wrong-size-less "announced"
    refused wrong-length "announced"
}

@test "a server that sends next to nothing is given up" {
    refused slow "slow" --retry 0
}

@test "a pull that is killed leaves nothing that the next one does not clear away" {
    name=$HTTP/stall/$BATS_TEST_NUMBER
    rctr pull -q "$name" 3>&- &
    pid=$!
    for _ in $(seq 100); do
        [ -n "$(find "$RCTR_STATE/tmp" -name hello 2>/dev/null)" ] && break
        sleep 0.1
    done
    [ -n "$(find "$RCTR_STATE/tmp" -name hello)" ]
    kill -9 "$pid"
    wait "$pid" || true
    ! rctr image exists "$name"
    rctr pull -q "$HTTP/ok/$BATS_TEST_NUMBER"
    is "$(find "$RCTR_STATE/tmp" -mindepth 1)" ""
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 1
}

@test "an image of another platform is taken, but not in silence" {
    run --separate-stderr rctr pull -q --platform linux/s390x "$HTTP/ok/$BATS_TEST_NUMBER"
    [ "$status" -eq 0 ]
    has "$stderr" "not the wanted platform linux/s390x"
}

@test "a blob that is not there" {
    refused blob-missing "blob unknown"
}

@test "a diff-id that lies" {
    refused wrong-diff-id "diff"
}

@test "a config that was altered" {
    refused config-altered "digest"
}

@test "redirects without end, to nowhere, to a file" {
    refused redirect-loop "more than 10 times"
    refused redirect-nowhere "without saying where"
    refused redirect-file "neither http nor https"
}

@test "a hundred thousand headers" {
    refused headers "headers"
}

@test "the registry's words cannot control the terminal" {
    refused escape "manifest unknown"
    ! grep -q $'\033' "$BATS_TEST_TMPDIR/stderr"
}

# --- what is wrong with the manifest -------------------------------------------------------------

@test "a manifest that does not fit its digest" {
    refused digest-lie "digest"
    refused index-moved "digest"
}

@test "a manifest of more than 4 MiB, or without end" {
    refused big-manifest "limit"
    refused endless-manifest "limit"
}

@test "a manifest that can be read in two ways" {
    refused both "a manifest and an index at once"
    refused duplicate-keys "duplicate"
    refused deep "depth"
}

@test "a manifest that is none" {
    refused not-json "not valid JSON"
    refused schema-1 "schema 1"
    refused unknown-type "unknown media type"
    refused helm "not a container image"
    refused unknown-compression "unknown media type"
    refused layer-count "layers"
}

@test "a layer that says where else it is comes from the registry, or not at all" {
    succeeds foreign
    succeeds foreign-type
    export RCTR_STATE=$BATS_TEST_TMPDIR/state-none
    refused foreign-missing "a foreign layer, which is taken from the registry alone"
}

@test "digests in another grammar" {
    refused digest-path "64 lower-case hex digits"
    refused digest-upper "64 lower-case hex digits"
    refused digest-63 "64 lower-case hex digits"
    refused digest-md5 "is not a digest"
}

@test "an index without this platform says what it has" {
    refused no-platform "linux/s390x, linux/ppc64le"
}

# --- TLS -----------------------------------------------------------------------------------------

@test "an unknown certificate is refused, unless it is given or waived" {
    fails_with 125 "certificate" rctr pull -q --tls-verify "$TLS/ok/$BATS_TEST_NUMBER"
    store_is_empty
    rctr pull -q --tls-verify=false "$TLS/ok/$BATS_TEST_NUMBER"
    mkdir certs && cp "$FAKE/tls.crt" certs/ca.crt
    rctr pull -q --tls-verify --cert-dir certs "$TLS/ok/$BATS_TEST_NUMBER"
}

@test "a redirect from https to http is refused" {
    mkdir certs && cp "$FAKE/tls.crt" certs/ca.crt
    fails_with 125 "from https to http" rctr pull -q --tls-verify --cert-dir certs "$TLS/redirect-down/1"
    store_is_empty
}

@test "plain http is not spoken where certificates are demanded" {
    fails_with 125 "cannot ask registry" rctr pull -q --retry 0 --tls-verify=true "$HTTP/ok/1"
}

# --- names ---------------------------------------------------------------------------------------

@test "registries.conf: prefix, mirror, alias, search, blocked" {
    cat >"$CONTAINERS_REGISTRIES_CONF" <<END
unqualified-search-registries = ["$HTTP"]
[[registry]]
prefix = "example.com/team"
location = "$HTTP/ok" # served here
[[registry.mirror]]
location = "127.0.0.1:1/mirror"
[[registry]]
prefix = "*.wild.example"
location = "$HTTP"
[[registry]]
location = "blocked.example"
blocked = true
[aliases]
"nick" = "$HTTP/ok/nick"
END
    rctr pull -q --retry 0 example.com/team/tool
    rctr image exists example.com/team/tool
    rctr pull -q a.wild.example/ok/2
    rctr pull -q nick:v1
    rctr image exists "$HTTP/ok/nick:v1"
    rctr pull -q ok/search
    rctr image exists "$HTTP/ok/search"
    fails_with 125 "is blocked" rctr pull -q blocked.example/x
    echo 'unqualified-search-registries = [1' >"$CONTAINERS_REGISTRIES_CONF"
    fails_with 125 "an array has no end" rctr pull -q nick
}

@test "names that are none" {
    fails_with 125 "must be lowercase" rctr pull Team/Tool:x
    fails_with 125 "invalid reference format" rctr pull "$HTTP/ok/a:b:c"
}

@test "options with values that are none" {
    fails_with 125 "is not a platform" rctr pull --platform linux/ "$HTTP/ok/1"
    fails_with 125 "user:password" rctr pull --creds tester "$HTTP/ok/1"
    fails_with 125 "neither true nor false" rctr pull --tls-verify=maybe "$HTTP/ok/1"
    fails_with 125 "certificate folder" rctr pull --cert-dir none "$HTTP/ok/1"
}

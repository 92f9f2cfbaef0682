#!/usr/bin/env bats
# Images go from rctr to podman and skopeo and back, through Debian's docker-registry in each of its
# guises, and keep their digests. save-load.bats has the archives, pull.bats and push.bats the rest.
bats_require_minimum_version 1.5.0
load common
load image
load registries

setup_file() {
    registries_start plain htpasswd token tls
}

teardown_file() {
    registries_stop
}

setup() {
    common_setup
    registries_setup
    need_command podman
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$XDG_RUNTIME_DIR" certs
    cp "$REG/ca.crt" certs/ca.crt
    pod info >/dev/null 2>&1 || skip "podman does not work for this user"
}

teardown() {
    pod unshare rm -rf "$BATS_TEST_TMPDIR/pod"
    kill "$(cat "$XDG_RUNTIME_DIR/libpod/tmp/pause.pid")" || true # it holds podman's user namespace
    RCTR_STATE=$BATS_TEST_TMPDIR/elsewhere common_teardown
    common_teardown
}

pod() {
    podman --root "$BATS_TEST_TMPDIR/pod" --runroot "$XDG_RUNTIME_DIR/pod" --storage-driver vfs "$@"
}

elsewhere() { # with a store that has nothing
    RCTR_STATE=$BATS_TEST_TMPDIR/elsewhere rctr "$@"
    RCTR_STATE=$BATS_TEST_TMPDIR/elsewhere rctr rmi -fa >/dev/null
}

digest_of() {
    rctr image inspect --format '{{.Digest}}' "$1"
}

id_of() {
    rctr image inspect --format '{{.Id}}' "$1" | sed 's/^sha256://'
}

# ways_of REGISTRY: what rctr, skopeo and podman are told about it
ways_of() {
    RCTR_WAY=() SKOPEO_WAY=(--tls-verify=false) PODMAN_WAY=(--tls-verify=false)
    case $1 in
    htpasswd | token)
        RCTR_WAY+=(--creds tester:secret) SKOPEO_WAY+=(--creds tester:secret) PODMAN_WAY+=(--creds tester:secret)
        ;;
    tls) RCTR_WAY=(--cert-dir certs --tls-verify) SKOPEO_WAY=(--cert-dir certs) PODMAN_WAY=(--cert-dir certs) ;;
    esac
}

# there_and_back REGISTRY REPO: rctr push → skopeo, podman; podman push → rctr
there_and_back() {
    local name digest id
    ways_of "$1"
    name=$(at "$1")/$2
    digest=$(digest_of localhost/tool)
    id=$(id_of localhost/tool)
    rctr push -q "${RCTR_WAY[@]}" --digestfile pushed localhost/tool "$name:ours"
    is "$(cat pushed)" "$digest"
    is "$(skopeo inspect "${SKOPEO_WAY[@]}" --format '{{.Digest}}' "docker://$name:ours")" "$digest"
    is "$(pod pull -q "${PODMAN_WAY[@]}" "$name:ours")" "$id"
    is "$(pod image inspect --format '{{.Digest}}' "$name:ours")" "$digest"
    pod push -q "${PODMAN_WAY[@]}" --digestfile theirs "$name:ours" "$name:theirs"
    is "$(rctr pull -q "${RCTR_WAY[@]}" "$name:theirs")" "$id"
    is "$(digest_of "$name:theirs")" "$(cat theirs)"
    is "$(elsewhere pull -q "${RCTR_WAY[@]}" "$name@$digest")" "$id"
    rctr system check
}

@test "a registry without passwords" {
    image_load localhost/tool hello '{"Env":["A=1"]}'
    there_and_back plain one
}

@test "a registry with htpasswd" {
    image_load localhost/tool hello '{"Env":["A=1"]}'
    there_and_back htpasswd one
    fails_with 125 "unauthorized" rctr pull -q "$(at htpasswd)/one:ours"
    fails_with 125 "incorrect username or password" rctr push -q --creds tester:wrong localhost/tool "$(at htpasswd)/one:ours"
}

@test "a registry with a token server: who may what" {
    image_load localhost/tool hello '{"Env":["A=1"]}'
    there_and_back token team/one
    there_and_back token public/one
    is "$(elsewhere pull -q "$(at token)/public/one:ours")" "$(id_of localhost/tool)"
    fails_with 125 "unauthorized" rctr pull -q "$(at token)/team/one:ours"
    fails_with 125 "unauthorized" rctr push -q localhost/tool "$(at token)/public/one:ours"
    fails_with 125 "incorrect username or password" rctr pull -q --creds tester:wrong "$(at token)/public/one:ours"
}

@test "with a token that is good for both, a layer comes from another repository" {
    image_load localhost/tool hello
    rctr push -q --creds tester:secret localhost/tool "$(at token)/from/here:1"
    rctr tag localhost/tool "$(at token)/from/here:1"
    rctr push --creds tester:secret localhost/tool "$(at token)/to/there:1" 2>out
    has "$(cat out)" "mounted from another repository"
    grep -q "repository:to/there:pull,push repository:from/here:pull\|repository:from/here:pull repository:to/there:pull,push" "$REG/tokens.log"
    elsewhere pull -q --creds tester:secret "$(at token)/to/there:1"
}

@test "login once, then pull and push as who one is; podman and skopeo read it too" {
    image_load localhost/tool hello
    for kind in htpasswd token; do
        name=$(at $kind)/login/one:1
        echo secret | rctr login -u tester --password-stdin "$(at $kind)"
        rctr push -q localhost/tool "$name"
        elsewhere pull -q "$name"
        skopeo inspect --tls-verify=false "docker://$name" >/dev/null
        pod pull -q --tls-verify=false "$name"
        rctr logout "$(at $kind)"
        fails_with 125 "" rctr pull -q "$name"
    done
}

@test "a registry over TLS with an authority of its own" {
    image_load localhost/tool hello '{"Env":["A=1"]}'
    there_and_back tls one
}

@test "zstd: pushed by rctr, pulled by skopeo and podman; pushed by podman, pulled by rctr" {
    image_load localhost/tool hello
    name=$(at plain)/zstd
    rctr push -q --compression-format zstd --force-compression --digestfile pushed localhost/tool "$name:ours"
    is "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$name:ours")" "$(cat pushed)"
    has "$(skopeo inspect --raw --tls-verify=false "docker://$name:ours")" "tar+zstd"
    is "$(pod pull -q --tls-verify=false "$name:ours")" "$(id_of localhost/tool)"
    is "$(pod image inspect --format '{{.Digest}}' "$name:ours")" "$(cat pushed)"
    pod push -q --tls-verify=false --compression-format zstd --digestfile theirs "$name:ours" "$name:theirs"
    is "$(rctr pull -q "$name:theirs")" "$(id_of localhost/tool)"
    is "$(digest_of "$name:theirs")" "$(cat theirs)"
    has "$(skopeo inspect --raw --tls-verify=false "docker://$name:theirs")" "tar+zstd"
}

@test "an image with layers in zstd, in gzip and plain: archives to podman, skopeo and back" {
    local way id
    for way in zstd gzip none; do
        rm -rf root layout
        mkdir root && echo $way >root/word
        oci_pack root >layer.tar
        OCI_COMPRESS=$way oci_new layout '{}' layer.tar
        id=$(rctr pull -q oci:layout)
        rctr tag "$id" "quay.io/x/$way:1"
        for format in docker-archive oci-archive; do
            rctr save --format $format -o ours.tar "quay.io/x/$way:1"
            pod load -q -i ours.tar
            is "$(pod images -q --no-trunc "quay.io/x/$way:1" | cut -d: -f2)" "$id"
            skopeo copy -q --insecure-policy "$format:ours.tar" dir:copied
            pod save -q --format $format -o theirs.tar "quay.io/x/$way:1"
            is "$(RCTR_STATE=$BATS_TEST_TMPDIR/elsewhere rctr pull -q "$format:theirs.tar")" "$id"
            pod rmi -fa >/dev/null
            rm -rf copied ours.tar theirs.tar
        done
        is "$(skopeo inspect --format '{{.Digest}}' "oci:layout")" "$(digest_of "quay.io/x/$way:1")"
    done
    RCTR_STATE=$BATS_TEST_TMPDIR/elsewhere rctr system check
}

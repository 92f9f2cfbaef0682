#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# policy.json: which images may come in, and what their signatures must say
load common
load image
load policy

setup() {
    common_setup
    need_registry
    need_command openssl
    repo=test/policy$RANDOM$RANDOM
    name=$RCTR_TEST_REGISTRY/$repo
    skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false \
        "docker://$RCTR_TEST_REGISTRY/test/busybox:latest" "docker://$name:1"
    digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$name:1")
    key good
}

# Nothing of an image is in the store.
store_is_empty() {
    local left
    left=$(cd "$RCTR_STATE" 2>/dev/null && find ./blobs ./layers ./refs ./tmp -mindepth 1 -not -path './blobs/sha256' \
        -not -name '*.lock' 2>/dev/null) || true
    [ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

# refused WORDS [COMMAND...]: a pull of $name:1 (or the command) fails so, and leaves nothing.
refused() {
    local words=$1
    shift
    [ $# -gt 0 ] || set -- rctr pull -q "$name:1"
    fails_with 125 "$words" "$@"
    store_is_empty
}

# pulled [NAME]: into a store of its own, which goes again.
pulled() {
    rctr pull -q "${1:-$name:1}" >/dev/null
    rctr rmi "${1:-$name:1}" >/dev/null
    store_is_empty
}

@test "a good signature lets an image in, by tag and by digest, and it runs" {
    trusting good
    signed good "$repo" "$digest" "$name:1"
    pulled
    pulled "$name@$digest"
    is "$(rctr run --rm --network none "$name:1" echo hello)" hello
}

@test "ed25519 signs too" {
    key other ED25519
    trusting other
    signed other "$repo" "$digest" "$name:1"
    pulled
    signed good "$repo" "$digest" "$name:1"
    refused "another key has made it"
}

@test "skopeo comes to the same verdicts" { # of scopes: Debian's knows no sigstoreSigned
    local yes='{"type": "insecureAcceptAnything"}' no='{"type": "reject"}' ours theirs n=0
    verdicts() {
        policy "$1"
        ours=0 theirs=0
        rctr pull -q "$name:1" >/dev/null 2>&1 || ours=1
        skopeo --policy "$XDG_CONFIG_HOME/containers/policy.json" copy -q --src-tls-verify=false \
            "docker://$name:1" "dir:$PWD/peer$((++n))" >/dev/null 2>&1 || theirs=1
        is "$1: $ours" "$1: $theirs"
    }
    for scope in "$name:1" "$name:2" "$name" "$RCTR_TEST_REGISTRY/test" "$RCTR_TEST_REGISTRY/tes" "$RCTR_TEST_REGISTRY" \
        127.0.0.1 "*.0.0.1" "*.0.1" "*.1" "*.2" ""; do
        verdicts "{\"default\": [$no], \"transports\": {\"docker\": {\"$scope\": [$yes]}}}"
        verdicts "{\"default\": [$yes], \"transports\": {\"docker\": {\"$scope\": [$no]}}}"
    done
    verdicts "{\"default\": [$yes, $no]}"
    verdicts "{\"default\": []}"
    verdicts "{\"default\": [$yes], \"default\": [$yes]}"
    verdicts "{\"default\": [$yes], \"more\": 1}"
    verdicts "{\"transports\": {}}"
    verdicts "{\"default\": [{\"type\": \"insecureAcceptAnything\", \"more\": 1}]}"
    verdicts "{\"default\": [$no], \"transports\": {\"docker\": {\"$name\": [$yes]}, \"dir\": {\"relative\": [$yes]}}}"
    verdicts "{\"default\": [$no], \"transports\": {\"docker\": {\"$name\": [$yes]}, \"dir\": {\"/\": [$yes]}}}"
    verdicts "{\"default\": [$no], \"transports\": {\"docker\": {\"$name\": [$yes]}, \"dir\": {\"/a/../b\": [$yes]}}}"
}

@test "an unsigned image is refused" {
    trusting good
    refused "the registry has no signature of it (tag sha256-"
    refused "the registry has no signature of it" rctr run --rm --network none "$name:1" true
    refused "the registry has no signature of it" rctr create "$name:1" true
}

@test "another key's signature is refused" {
    key other
    trusting good
    signed other "$repo" "$digest" "$name:1"
    refused "another key has made it"
}

@test "a payload that was altered is refused" {
    trusting good
    payload "$digest" "$name:2" >signed
    payload "$digest" "$name:1" >altered
    attach "$repo" "$digest" altered "$(sign good signed)"
    refused "another key has made it"
    printf ' ' | cat signed - >longer
    attach "$repo" "$digest" longer "$(sign good signed)"
    refused "another key has made it"
}

@test "the signature of another image is refused" {
    trusting good
    payload "sha256:$(printf 0 | sha256sum | cut -d' ' -f1)" "$name:1" >other
    attach "$repo" "$digest" other "$(sign good other)"
    refused "it is for another image"
}

@test "a signature under another name, or of another tag, is refused" {
    trusting good
    signed good "$repo" "$digest" "$RCTR_TEST_REGISTRY/test/else:1"
    refused "it is for '$RCTR_TEST_REGISTRY/test/else:1'"
    signed good "$repo" "$digest" "$name:old"
    refused "it is for '$name:old', but matchRepoDigestOrExact wants '$name:1'"
    pulled "$name@$digest" # whoever names the digest need not care about the tag
    signed good "$repo" "$digest" "$name"
    refused "matchRepository accepts"
}

@test "signedIdentity says which name a signature must have" {
    signed good "$repo" "$digest" "$name"
    trusting good '{"type": "matchRepository"}'
    pulled
    trusting good "{\"type\": \"exactRepository\", \"dockerRepository\": \"$name\"}"
    pulled
    signed good "$repo" "$digest" quay.io/team/tool:1
    refused "it is for 'quay.io/team/tool:1'"
    trusting good '{"type": "exactReference", "dockerReference": "quay.io/team/tool:1"}'
    pulled
    trusting good '{"type": "exactReference", "dockerReference": "quay.io/team/tool:2"}'
    refused "exactReference wants 'quay.io/team/tool:2'"
    signed good "$repo" "$digest" "quay.io/$repo:1"
    trusting good "{\"type\": \"remapIdentity\", \"prefix\": \"$RCTR_TEST_REGISTRY\", \"signedPrefix\": \"quay.io\"}"
    pulled
    trusting good "{\"type\": \"remapIdentity\", \"prefix\": \"$RCTR_TEST_REGISTRY/tes\", \"signedPrefix\": \"quay.io/tes\"}"
    refused "remapIdentity wants '$name:1'"
    signed good "$repo" "$digest" "$name:1"
    trusting good '{"type": "matchExact"}'
    pulled
    refused "matchExact wants '$name@$digest'" rctr pull -q "$name@$digest"
}

@test "one good signature among bad ones will do" {
    key other
    trusting good
    payload "$digest" "$name:1" >payload
    local letters
    letters=$(sign good payload)
    attach "$repo" "$digest" payload "$(sign other payload)" payload - payload "${letters:0:8}!" payload "$letters"
    pulled
    attach "$repo" "$digest" payload "$(sign other payload)" payload - payload "$letters="
    refused "none of 3 signatures is good: signature 1: another key has made it; signature 2: it lacks"
}

@test "all requirements of a scope must be met" {
    key other
    local both="{\"type\": \"sigstoreSigned\", \"keyPath\": \"$PWD/good.pub\"}, {\"type\": \"sigstoreSigned\", \"keyPath\": \"$PWD/other.pub\"}"
    policy "{\"default\": [$both]}"
    payload "$digest" "$name:1" >payload
    attach "$repo" "$digest" payload "$(sign good payload)"
    refused "requirement 2 (sigstoreSigned) of the default: none of 1 signature"
    attach "$repo" "$digest" payload "$(sign good payload)" payload "$(sign other payload)"
    pulled
    policy "{\"default\": [$both, {\"type\": \"reject\"}]}"
    refused "requirement 3 (reject) of the default"
    policy "{\"default\": [{\"type\": \"sigstoreSigned\", \"keyPaths\": [\"$PWD/none.pub\", \"$PWD/other.pub\"]}]}"
    refused "its key cannot be used: cannot open '$PWD/none.pub'"
    policy "{\"default\": [{\"type\": \"sigstoreSigned\", \"keyDatas\": [\"$(base64 -w 0 good.pub)\", \"$(base64 -w 0 other.pub)\"]}]}"
    pulled
}

@test "a payload that could be read in two ways is refused" {
    trusting good
    payload "$digest" "$name:1" | sed 's/"optional":null/"optional":null,"critical":{}/' >twice
    attach "$repo" "$digest" twice "$(sign good twice)"
    refused "duplicate object key"
    payload "$digest" "$name:1" | sed 's/"optional":null/"optional":null,"more":1/' >more
    attach "$repo" "$digest" more "$(sign good more)"
    refused "has members that are not known"
    payload "$digest" "$name:1" | sed 's/cosign container image/atomic container/' >atomic
    attach "$repo" "$digest" atomic "$(sign good atomic)"
    refused "its type is 'atomic container signature'"
}

@test "more and larger signatures than anyone needs are refused" {
    trusting good
    payload "$digest" "$name:1" >payload
    local many=() letters
    letters=$(sign good payload)
    for _ in $(seq 65); do many+=(payload "$letters"); done
    attach "$repo" "$digest" "${many[@]}"
    refused "it has more than 64 signatures"
    attach "$repo" "$digest" payload "$(head -c 100000 /dev/zero | tr '\0' A)"
    refused "has 100000 letters, more than 4096"
    head -c 70000 /dev/zero | tr '\0' ' ' | cat payload - >large
    attach "$repo" "$digest" large "$(sign good large)"
    refused "its size is not from 1 to 65536 bytes"
    attach "$repo" "$digest" payload "$letters"
    jq '.layers[0].size += 1' signatures.json >lie.json
    put_manifest "$repo" "${digest/:/-}.sig" lie.json
    refused "the signatures of the image"
}

@test "what is no list of signatures is refused" {
    trusting good
    signed good "$repo" "$digest" "$name:1"
    pulled
    local tag=${digest/:/-}.sig
    jq 'del(.layers[0].annotations)' signatures.json >list.json
    put_manifest "$repo" "$tag" list.json
    refused "signature 1: it lacks the annotation"
    jq '.layers[0].mediaType = "application/vnd.oci.image.layer.v1.tar"' signatures.json >list.json
    put_manifest "$repo" "$tag" list.json
    refused "the registry has no signature of it"
    jq -c --argjson size "$(stat -c %s signatures.json)" --arg digest "sha256:$(sha256sum signatures.json | cut -d' ' -f1)" -n \
        '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [{
          mediaType: "application/vnd.oci.image.manifest.v1+json", size: $size, digest: $digest}]}' >index.json
    put_manifest "$repo" good signatures.json
    curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @index.json \
        "http://$RCTR_TEST_REGISTRY/v2/$repo/manifests/$tag"
    refused "it is not an image manifest"
    # another image's list under this one's tag
    skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false \
        "docker://$RCTR_TEST_REGISTRY/test/layers:30" "docker://$name:30"
    put_manifest "$repo" "$tag" signatures.json
    tag=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$name:30")
    put_manifest "$repo" "${tag/:/-}.sig" signatures.json
    refused "it is for another image" rctr pull -q "$name:30"
}

@test "a registry that misbehaves about signatures is refused, and asked for no blob" {
    local fake=$PWD/fake pid http fault words
    mkdir "$fake"
    python3 "$BATS_TEST_DIRNAME/../tools/fake-registry.py" "$fake" >"$fake/out" 2>&1 3>&- &
    pid=$!
    for _ in $(seq 200); do
        [ -e "$fake/ports" ] && break
        sleep 0.1
    done
    read -r http _ <"$fake/ports"
    trusting good
    while read -r fault words; do
        fails_with 125 "$words" rctr pull -q --retry 0 "127.0.0.1:$http/$fault/x" || { kill "$pid"; return 1; }
        store_is_empty || { kill "$pid"; return 1; }
    done <<'END'
sig-missing the registry has no signature of it
sig-image the registry has no signature of it
sig-500 status 500
sig-denied status 403
sig-loop the signatures of the image: reading manifest sha256-
sig-endless the signatures of the image: reading manifest sha256-
sig-cut the signatures of the image: reading manifest sha256-
sig-html not valid JSON
sig-list it is not an image manifest
sig-payload the signatures of the image: reading blob sha256:
END
    kill "$pid"
    is "$(grep -c "/blobs/" "$fake/log")" 1
    is "$(grep -c "/manifests/sha256-[0-9a-f]*.sig" "$fake/log")" 12 # one of them twice more, with tokens that do not help
}

@test "the most specific scope counts" {
    local yes='[{"type": "insecureAcceptAnything"}]' no='[{"type": "reject"}]'
    only() { policy "{\"default\": $no, \"transports\": {\"docker\": {\"$1\": $yes}}}"; }
    but() { policy "{\"default\": $yes, \"transports\": {\"docker\": {\"$1\": $no}}}"; }
    for scope in "$name:1" "$name" "$RCTR_TEST_REGISTRY/test" "$RCTR_TEST_REGISTRY" "*.0.0.1" "*.1" ""; do
        only "$scope"
        pulled
        but "$scope"
        refused "it lets no image in"
    done
    for scope in "$name:2" "$name@$digest" "$RCTR_TEST_REGISTRY/tes" 127.0.0.1:1 "*.2"; do
        but "$scope"
        pulled
        only "$scope"
        refused "requirement 1 (reject) of the default"
    done
    only "$name@$digest"
    pulled "$name@$digest"
    policy "{\"default\": $yes, \"transports\": {\"docker\": {\"$RCTR_TEST_REGISTRY\": $no, \"$name\": $yes, \"$name:1\": $no}}}"
    refused "scope '$name:1' of transport docker"
}

@test "a refused image is not asked for" {
    policy '{"default": [{"type": "reject"}]}'
    refused "refused by the signature policy '$XDG_CONFIG_HOME/containers/policy.json', requirement 1 (reject) of the default" \
        rctr pull -q 127.0.0.1:1/nobody/listens:1
}

@test "what rctr cannot examine refuses" {
    policy '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/x"}]}'
    refused "a signature by a GPG key, which rctr does not examine"
    policy '{"default": [{"type": "somethingNew"}]}'
    refused "(somethingNew) of the default: it wants what rctr does not know"
    policy "{\"default\": [{\"type\": \"sigstoreSigned\", \"keyPath\": \"$PWD/good.pub\", \"rekorPublicKeyPath\": \"/x\"}]}"
    refused "an entry in a rekor log"
    policy '{"default": [{"type": "sigstoreSigned", "fulcio": {}, "rekorPublicKeyPath": "/x"}]}'
    refused "which rctr does not examine"
}

@test "a policy that cannot be used lets nothing in" {
    policy '{"default": [{"type": "insecureAcceptAnything"}], "defualt": []}'
    refused 'there is no member "defualt" here'
    policy '{"default": [{"type": "insecureAcceptAnything"}]'
    refused "no image may come in, since the signature policy '$XDG_CONFIG_HOME/containers/policy.json' cannot be used"
    image_archive o.tar quay.io/x/tool:v1 hello
    refused "no image may come in" rctr load -i o.tar
    refused "no image may come in" rctr run --rm localhost/busybox true
    : >"$XDG_CONFIG_HOME/containers/policy.json"
    refused "not valid JSON"
    rm "$XDG_CONFIG_HOME/containers/policy.json"
    mkdir "$XDG_CONFIG_HOME/containers/policy.json"
    refused "is not a regular file"
    rmdir "$XDG_CONFIG_HOME/containers/policy.json"
    ln -s /nosuch "$XDG_CONFIG_HOME/containers/policy.json"
    refused "cannot open"
    rm "$XDG_CONFIG_HOME/containers/policy.json"
    mkfifo "$XDG_CONFIG_HOME/containers/policy.json"
    refused "is not a regular file"
    rm "$XDG_CONFIG_HOME/containers/policy.json"
    if [ "$(id -u)" -ne 0 ]; then
        chmod 000 "$XDG_CONFIG_HOME/containers"
        fails_with 125 "cannot be looked at: Permission denied" rctr pull -q "$name:1"
        chmod 700 "$XDG_CONFIG_HOME/containers"
    fi
    echo '{"default": [{"type": "reject"}]}' >there.json
    ln -s "$PWD/there.json" "$XDG_CONFIG_HOME/containers/policy.json"
    refused "requirement 1 (reject)"
}

@test "--signature-policy takes another file" {
    policy '{"default": [{"type": "reject"}]}'
    echo '{"default": [{"type": "insecureAcceptAnything"}]}' >all.json
    image_archive o.tar quay.io/x/tool:v1 hello
    refused "requirement 1 (reject)"
    refused "requirement 1 (reject)" rctr load -i o.tar
    rctr pull -q --signature-policy all.json "$name:1"
    rctr load -q --signature-policy all.json -i o.tar
    rctr pull -q --signature-policy all.json oci-archive:o.tar
    rctr pull -q --signature-policy all.json localhost/busybox
    fails_with 125 "signature policy 'none.json' cannot be used" rctr pull -q --signature-policy none.json "$name:1"
}

@test "an image that is here already runs whatever the policy says; a newer one that is refused is an error" {
    rctr pull -q "$name:1"
    policy '{"default": [{"type": "reject"}]}'
    rctr run --rm --network none "$name:1" true
    fails_with 125 "requirement 1 (reject)" rctr run --rm --network none --pull newer "$name:1" true
}

@test "archives and folders have scopes of their own" {
    local yes='[{"type": "insecureAcceptAnything"}]' no='[{"type": "reject"}]'
    image_archive o.tar quay.io/x/tool:v1 hello
    mkdir deep && mv o.tar deep/
    rctr load -q -i deep/o.tar
    rctr save -o deep/d.tar quay.io/x/tool:v1
    rctr save --format oci-dir -o deep/folder quay.io/x/tool:v1
    rctr rmi -a >/dev/null
    gone() { rctr rmi -a >/dev/null; store_is_empty; }
    for pair in oci-archive:o.tar docker-archive:d.tar oci:folder; do
        transport=${pair%:*} path=$PWD/deep/${pair#*:}
        for scope in "$path" "$PWD/deep" "$PWD" ""; do
            policy "{\"default\": $yes, \"transports\": {\"$transport\": {\"$scope\": $no}}}"
            refused "it lets no image in" rctr load -i "$path"
            refused "it lets no image in" rctr pull -q "$transport:$path"
            refused "it lets no image in" rctr run --rm "$transport:deep/../deep/${pair#*:}" true
            policy "{\"default\": $no, \"transports\": {\"$transport\": {\"$scope\": $yes}}}"
            rctr load -q -i "$path"
            gone
        done
        policy "{\"default\": $yes, \"transports\": {\"$transport\": {\"$path.other\": $no, \"$PWD/dee\": $no}}}"
        rctr load -q -i "$path"
        gone
        policy "{\"default\": [{\"type\": \"sigstoreSigned\", \"keyPath\": \"$PWD/good.pub\"}]}"
        refused "it wants a signature, and an archive or folder has none that rctr knows to read" rctr load -i "$path"
    done
    policy "{\"default\": $yes, \"transports\": {\"oci-archive\": {\"$PWD/deep/o.tar:quay.io/x/tool:v1\": $no}}}"
    refused "it lets no image in" rctr pull -q oci-archive:deep/o.tar
    ln -s deep/o.tar link
    refused "it lets no image in" rctr load -i link
    cat deep/o.tar | rctr load -q # a pipe has no path: the transport's default counts
    gone
    policy "{\"default\": $yes, \"transports\": {\"oci-archive\": {\"\": $no}}}"
    cat deep/o.tar >pipe.tar
    refused "oci-archive:(a pipe)" bash -c 'cat pipe.tar | rctr load'
}

# platforms NAME: an index with an image for this machine and one for another; sets $here and $there
platforms() {
    local arch other
    arch=$(dpkg --print-architecture)
    for other in s390x "$arch"; do
        mkdir -p "$other" && echo "$other" >"$other/word"
        oci_pack "$other" >"$other.tar"
        oci_new "oci-$other" '{}' "$other.tar"
        skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:oci-$other:latest" "docker://$1-$other"
    done
    there=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$1-s390x")
    here=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$1-$arch")
    jq -nc --arg arch "$arch" --argjson a "$(jq -c '.manifests[0] | {mediaType, digest, size}' "oci-$arch/index.json")" \
        --argjson b "$(jq -c '.manifests[0] | {mediaType, digest, size}' oci-s390x/index.json)" \
        '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [
          $a + {platform: {os: "linux", architecture: $arch}}, $b + {platform: {os: "linux", architecture: "s390x"}}]}' >index.json
    curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @index.json \
        "http://$RCTR_TEST_REGISTRY/v2/$repo/manifests/${1##*:}"
    index=sha256:$(sha256sum index.json | cut -d' ' -f1)
}

@test "of several platforms the image that is chosen must be signed" {
    trusting good
    platforms "$name:two"
    signed good "$repo" "$index" "$name:two"
    refused "the registry has no signature of it (tag sha256-${here#*:}.sig)" rctr pull -q "$name:two"
    signed good "$repo" "$here" "$name:two"
    pulled "$name:two"
    pulled "$name@$index"
    refused "the registry has no signature of it (tag sha256-${there#*:}.sig)" rctr pull -q --all-platforms "$name:two"
    refused "the registry has no signature of it (tag sha256-${there#*:}.sig)" rctr pull -q --arch s390x "$name:two"
    signed good "$repo" "$there" "$name:two"
    rctr pull -q --all-platforms "$name:two"
}

@test "image copy is under the policy too" {
    trusting good
    fails_with 125 "the registry has no signature of it" rctr image copy -q "$name:1" "dir:$PWD/copy"
    is "$(find copy -type f 2>/dev/null)" ""
    fails_with 125 "the registry has no signature of it" rctr image copy -q "$name:1" "docker://$name-copy:1"
    ! skopeo inspect --tls-verify=false "docker://$name-copy:1"
    echo '{"default": [{"type": "insecureAcceptAnything"}]}' >all.json
    rctr image copy -q --signature-policy all.json "$name:1" "dir:$PWD/all"
    signed good "$repo" "$digest" "$name:1"
    rctr image copy -q "$name:1" "dir:$PWD/copy"
    rctr image copy -q "$name:1" "docker://$name-copy:1"
    fails_with 125 "refused by the signature policy" rctr image copy -q "dir:$PWD/copy" "docker://$name-copy:2"
    policy "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"dir\": {\"$PWD/copy\": [{\"type\": \"insecureAcceptAnything\"}]}}}"
    rctr image copy -q "dir:$PWD/copy" "docker://$name-copy:2"
    rctr pull -q "dir:$PWD/copy"
    fails_with 125 "it lets no image in" rctr pull -q "dir:$PWD/all"
    store=$RCTR_STATE RCTR_STATE=$PWD/other
    fails_with 125 "it lets no image in" rctr image copy -q "dir:$PWD/all" "docker://$name-copy:3"
    is "$(find "$RCTR_STATE/blobs/sha256" -type f 2>/dev/null)" ""
    RCTR_STATE=$store
    # archives and layouts, by the name that the image has there
    image_archive o.tar quay.io/x/tool:v1 hello
    policy "{\"default\": [{\"type\": \"insecureAcceptAnything\"}], \"transports\": {\"oci-archive\": {\"$PWD/o.tar:quay.io/x/tool:v1\": [{\"type\": \"reject\"}]}}}"
    fails_with 125 "it lets no image in" rctr image copy -q oci-archive:o.tar "dir:$PWD/two"
    fails_with 125 "it lets no image in" rctr image copy -q oci-archive:o.tar:quay.io/x/tool:v1 "dir:$PWD/two"
    mkdir layout && tar -C layout -xf o.tar
    rctr image copy -q oci:layout docker-archive:d.tar:quay.io/x/tool:v1
    policy "{\"default\": [{\"type\": \"insecureAcceptAnything\"}], \"transports\": {\"oci\": {\"$PWD/layout\": [{\"type\": \"reject\"}]}, \"docker-archive\": {\"$PWD\": [{\"type\": \"reject\"}]}}}"
    fails_with 125 "it lets no image in" rctr image copy -q oci:layout "dir:$PWD/two"
    fails_with 125 "it lets no image in" rctr image copy -q docker-archive:d.tar "dir:$PWD/two"
    trusting good
    platforms "$name:two"
    signed good "$repo" "$here" "$name:two"
    rctr image copy -q "$name:two" "dir:$PWD/one"
    fails_with 125 "the registry has no signature of it (tag sha256-${there#*:}.sig)" rctr image copy -q --all "$name:two" "docker://$name-copy:two"
}

# policy.bash - keys, signatures and policies for tests. Needs openssl, curl, jq.
# shellcheck shell=bash

# key NAME [ALGORITHM...]: NAME.key and NAME.pub; ECDSA P-256 unless other words of genpkey are given.
key() {
    local name=$1
    shift
    [ $# -gt 0 ] || set -- EC -pkeyopt ec_paramgen_curve:P-256
    openssl genpkey -algorithm "$@" -out "$name.key" 2>/dev/null
    openssl pkey -in "$name.key" -pubout -out "$name.pub"
}

# payload DIGEST REFERENCE: what is signed, as cosign writes it.
payload() {
    printf '{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":null}' "$2" "$1"
}

# sign KEY FILE: the signature over FILE in base64.
sign() {
    if openssl pkey -in "$1.key" -noout -text | grep -qi ed25519; then
        openssl pkeyutl -sign -inkey "$1.key" -rawin -in "$2" | base64 -w 0
    else
        openssl dgst -sha256 -sign "$1.key" "$2" | base64 -w 0
    fi
}

# put_blob REPOSITORY FILE: into the registry; prints {"digest", "size"}.
put_blob() {
    local digest at
    digest=sha256:$(sha256sum "$2" | cut -d' ' -f1)
    at=$(curl -sf -i -X POST "http://$RCTR_TEST_REGISTRY/v2/$1/blobs/uploads/" |
        sed -n 's/^[Ll]ocation: *\([^\r]*\).*/\1/p')
    [[ $at == *\?* ]] && at+="&digest=$digest" || at+="?digest=$digest"
    curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$2" "$at"
    printf '{"digest":"%s","size":%s}' "$digest" "$(stat -c %s "$2")"
}

# attach REPOSITORY DIGEST {PAYLOAD SIGNATURE}...: the signatures of that manifest, replacing others.
# A SIGNATURE of "-" is left out.
attach() {
    local repo=$1 tag=${2/:/-}.sig layers='[]'
    shift 2
    echo '{}' >"$BATS_TEST_TMPDIR/config.json"
    while [ $# -gt 0 ]; do
        layers=$(jq -c --argjson blob "$(put_blob "$repo" "$1")" --arg sig "$2" '. + [$blob + {
            mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
            annotations: (if $sig == "-" then {} else {"dev.cosignproject.cosign/signature": $sig} end)}]' <<<"$layers")
        shift 2
    done
    jq -nc --argjson layers "$layers" --argjson config "$(put_blob "$repo" "$BATS_TEST_TMPDIR/config.json")" \
        '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
          config: ({mediaType: "application/vnd.oci.image.config.v1+json"} + $config), layers: $layers}' \
        >"$BATS_TEST_TMPDIR/signatures.json"
    put_manifest "$repo" "$tag" "$BATS_TEST_TMPDIR/signatures.json"
}

# put_manifest REPOSITORY TAG FILE
put_manifest() {
    curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "@$3" \
        "http://$RCTR_TEST_REGISTRY/v2/$1/manifests/$2"
}

# signed KEY REPOSITORY DIGEST REFERENCE: one signature, as it should be.
signed() {
    payload "$3" "$4" >"$BATS_TEST_TMPDIR/payload"
    attach "$2" "$3" "$BATS_TEST_TMPDIR/payload" "$(sign "$1" "$BATS_TEST_TMPDIR/payload")"
}

# policy JSON: the user's policy.json.
policy() {
    export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
    mkdir -p "$XDG_CONFIG_HOME/containers"
    echo "$1" >"$XDG_CONFIG_HOME/containers/policy.json"
}

# trusting KEY [IDENTITY]: a policy that lets in what that key has signed, and nothing else.
trusting() {
    policy "$(jq -nc --arg file "$PWD/$1.pub" --argjson identity "${2:-null}" \
        '{default: [{type: "reject"}], transports: {docker: {"": [{type: "sigstoreSigned", keyPath: $file} +
          if $identity then {signedIdentity: $identity} else {} end]}}}')"
}

# oci.bash - OCI image layouts made by hand, for tests. Needs jq.
# shellcheck shell=bash

# oci_pack FOLDER: a deterministic tar of what is in it, owned by root, on standard output.
oci_pack() {
    tar -C "$1" --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - .
}

# oci_blob LAYOUT FILE: copy a file among the blobs; prints {"digest", "size"} for a descriptor.
oci_blob() {
    local digest
    digest=$(sha256sum "$2" | cut -d' ' -f1)
    mkdir -p "$1/blobs/sha256"
    cp "$2" "$1/blobs/sha256/$digest"
    printf '{"digest":"sha256:%s","size":%s}' "$digest" "$(stat -c %s "$2")"
}

# oci_new LAYOUT CONFIG LAYER.tar...: a layout with one image tagged "latest". CONFIG is the JSON
# object "config" of the image; OCI_MORE more members of the whole document (history, author, …).
# OCI_COMPRESS=gzip (the usual), zstd or none. OCI_ARCH: another architecture than this machine's.
oci_new() {
    local layout=$1 config=$2 layers='[]' ids='[]' layer packed type scratch
    shift 2
    scratch=$(mktemp -d)
    mkdir -p "$layout"
    for layer; do
        ids=$(jq -c --arg id "sha256:$(sha256sum "$layer" | cut -d' ' -f1)" '. + [$id]' <<<"$ids")
        packed=$scratch/layer type=application/vnd.oci.image.layer.v1.tar
        case ${OCI_COMPRESS:-gzip} in
        gzip) gzip -n -c "$layer" >"$packed"; type+=+gzip ;;
        zstd) zstd -q -c "$layer" >"$packed"; type+=+zstd ;;
        none) packed=$layer ;;
        esac
        layers=$(jq -c --argjson blob "$(oci_blob "$layout" "$packed")" --arg type "$type" \
            '. + [{mediaType: $type} + $blob]' <<<"$layers")
    done
    jq -nc --argjson config "$config" --argjson ids "$ids" --argjson more "${OCI_MORE:-{\}}" \
        --arg arch "${OCI_ARCH:-$(dpkg --print-architecture)}" \
        '{architecture: $arch, os: "linux", config: $config, rootfs: {type: "layers", diff_ids: $ids}} + $more' >"$scratch/config"
    jq -nc --argjson config "$(oci_blob "$layout" "$scratch/config")" --argjson layers "$layers" \
        '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
          config: ({mediaType: "application/vnd.oci.image.config.v1+json"} + $config), layers: $layers}' >"$scratch/manifest"
    jq -nc --argjson manifest "$(oci_blob "$layout" "$scratch/manifest")" \
        '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json",
          annotations: {"org.opencontainers.image.ref.name": "latest"}} + $manifest]}' >"$layout/index.json"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
    rm -rf "$scratch"
}

# oci_layer LAYOUT N: the path of the n-th layer's blob, counted from 0.
oci_layer() {
    local manifest
    manifest=$(jq -r '.manifests[0].digest' "$1/index.json")
    echo "$1/blobs/sha256/$(jq -r --argjson n "$2" '.layers[$n].digest' "$1/blobs/sha256/${manifest#*:}" | cut -d: -f2)"
}

# oci_push LAYOUT NAME: push a layout's image to $RCTR_TEST_REGISTRY/NAME.
oci_push() {
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false "oci:$1:latest" "docker://$RCTR_TEST_REGISTRY/$2"
}

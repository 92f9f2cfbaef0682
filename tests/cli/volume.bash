# volume.bash - images whose folders are worth copying into a volume.
# shellcheck shell=bash

# volume_image NAME [CONFIG]: busybox, and above it /data (owner 1000:1001, mode 0750) with files of
# several owners and modes, a hard link, a link and a folder; /empty (mode 1777); /etc/word.
volume_image() {
    local work
    work=$(mktemp -d "$BATS_TEST_TMPDIR/volume.XXXXXX")
    mkdir -p "$work/base" "$work/top/data/sub" "$work/top/empty"
    "$TOP/packaging/images/busybox.sh" "$work/busybox.tar"
    tar -C "$work/base" -xf "$work/busybox.tar"
    cp "$(oci_layer "$work/base" 0)" "$work/1.tar.gz"
    gunzip "$work/1.tar.gz"
    echo one >"$work/top/data/file"
    echo two >"$work/top/data/sub/script"
    chmod 4750 "$work/top/data/sub/script"
    ln "$work/top/data/file" "$work/top/data/hard"
    ln -s file "$work/top/data/link"
    chmod 0750 "$work/top/data"
    chmod 0711 "$work/top/data/sub"
    chmod 1777 "$work/top/empty"
    tar -C "$work/top" --format=ustar --sort=name --mtime=@0 --owner=1000 --group=1001 --numeric-owner \
        -cf "$work/2.tar" data empty
    oci_new "$work/oci" "${2:-{\}}" "$work/1.tar" "$work/2.tar"
    jq --arg name "$1" '.manifests[0].annotations["org.opencontainers.image.ref.name"] = $name' \
        "$work/oci/index.json" >"$work/index.json"
    mv "$work/index.json" "$work/oci/index.json"
    tar -C "$work/oci" -cf "$work/image.tar" .
    rctr load -q -i "$work/image.tar"
    rm -rf "$work"
}

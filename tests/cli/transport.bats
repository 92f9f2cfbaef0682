#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# pull and run from archives and folders: oci-archive:, docker-archive:, oci:
load common
load image

@test "pull takes an archive or a folder, and gives the names that it has there" {
    image_archive o.tar quay.io/x/tool:v1 hello
    id=$(rctr pull -q oci-archive:o.tar)
    is "$(rctr images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}')" "quay.io/x/tool:v1 sha256:$id"
    rctr save -o d.tar quay.io/x/tool:v1
    rctr save --format oci-dir -o folder quay.io/x/tool:v1
    for from in docker-archive:d.tar docker-archive:d.tar:quay.io/x/tool:v1 oci:folder "oci:$PWD/folder"; do
        rctr rmi quay.io/x/tool:v1
        is "$(rctr pull -q "$from")" "$id"
        rctr image exists quay.io/x/tool:v1
    done
}

@test "of several images one is named" {
    image_load one first
    image_load two second
    id=$(rctr inspect --format '{{.Id}}' two)
    for format in oci-archive docker-archive; do
        rctr save -m --format $format -o m.tar one two
        export RCTR_STATE=$BATS_TEST_TMPDIR/$format
        fails_with 125 "it holds several images" rctr pull $format:m.tar
        is "$(rctr images -aq)" ""
        is "sha256:$(rctr pull -q $format:m.tar:localhost/two:latest)" "$id"
        is "$(rctr images --noheading | wc -l)" 1
        is "$(ls "$RCTR_STATE/layers" | wc -l)" 1
        fails_with 125 "the archive has no image called 'three'" rctr pull $format:m.tar:three
        rm -rf "$RCTR_STATE" 2>/dev/null || rctr unshare rm -rf "$RCTR_STATE"
        export RCTR_STATE=$BATS_TEST_TMPDIR/state
    done
}

@test "dir: is an image's files by themselves, as skopeo writes them" {
    need_command skopeo
    image_archive o.tar quay.io/x/tool:v1 hello
    skopeo copy -q --insecure-policy oci-archive:o.tar dir:d
    id=$(jq -r .config.digest d/manifest.json | cut -c8-)
    is "$(rctr pull -q dir:d)" "$id"
    is "$(rctr images --noheading --format '{{.Repository}}')" "<none>"
    rctr system check
    rctr rmi "$id"
    has "$(rctr load -i d 2>&1)" "$id"
    rctr rmi "$id"
    name=$(rctr create --network none "dir:$PWD/d" x)
    is "$(rctr inspect -f '{{.Image}}' "$name" | tail -c 65)" "$id"
    rctr rm "$name" >/dev/null
    rctr rmi "$id"
    # what is damaged is refused, and nothing stays
    layer=$(jq -r '.layers[0].digest' d/manifest.json | cut -c8-)
    printf x | dd of="d/$layer" bs=1 seek=20 conv=notrunc status=none
    fails_with 125 "sha256:$layer" rctr pull dir:d
    rm "d/$layer"
    fails_with 125 "has no blob sha256:$layer" rctr pull dir:d
    mkdir empty
    fails_with 125 "empty" rctr pull dir:empty
    fails_with 125 "cannot open 'none'" rctr pull dir:none
    is "$(rctr images -aq)$(ls "$RCTR_STATE/tmp")" ""
}

@test "what is no transport or no file is told" {
    fails_with 125 "cannot open 'none.tar'" rctr pull oci-archive:none.tar
    fails_with 125 "cannot open 'none'" rctr pull oci:none
    fails_with 125 "'oci-archive:' names no file" rctr pull oci-archive:
    fails_with 125 "does not know the transport 'containers-storage'" rctr pull containers-storage:x
    echo text >text
    fails_with 125 "'text': archive: " rctr pull docker-archive:text
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "run takes an archive" {
    rctr image exists localhost/busybox || rctr run --rm localhost/busybox true || skip "no embedded image"
    rctr save -o b.tar localhost/busybox
    rctr save --format oci-dir -o folder localhost/busybox
    rctr rmi localhost/busybox
    is "$(rctr run --rm docker-archive:b.tar echo hello)" hello
    is "$(rctr run --rm oci:folder echo hello)" hello
    rctr save --format oci-archive -o id.tar "$(rctr images -q)"
    rctr rmi -f localhost/busybox
    is "$(rctr run --rm oci-archive:id.tar echo unnamed)" unnamed
    rctr rmi -a >/dev/null
    rctr image copy -q oci:folder dir:d
    is "$(rctr run --rm dir:d echo hello)" hello
}

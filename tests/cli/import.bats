#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# import: a root file system in a tar archive becomes an image.
# also: single-uid
load common
load image

make_root() {
    mkdir -p root/etc
    echo hello >root/etc/word
    oci_pack root >root.tar
}

@test "the image has the archive's files, its one layer and the name" {
    make_root
    id=$(rctr import -m 'by hand' root.tar tool)
    is "$(rctr images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}')" "localhost/tool:latest $id"
    is "$(rctr inspect --format '{{index .RootFS.Layers 0}}' tool)" "sha256:$(sha256sum <root.tar | cut -c1-64)"
    is "$(jq -r '.history[0].comment' "$RCTR_STATE/blobs/sha256/${id#sha256:}")" "by hand"
    cmp root/etc/word "$RCTR_STATE"/layers/*/tree/etc/word
    rctr system check
}

@test "standard input, compressed or not, and no name" {
    make_root
    gzip -k root.tar
    rctr import - <root.tar.gz
    rctr import -q - <root.tar
    is "$(rctr images --noheading --format '{{.Repository}}' | sort -u)" "<none>"
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 1
}

@test "changes and the platform stand in the configuration" {
    make_root
    rctr import -c 'CMD ["/bin/x"]' --change 'ENV A=b' -c 'LABEL c=d' -c 'USER 7' -c 'WORKDIR /etc' \
        --platform linux/arm64/v8 root.tar tool:1
    is "$(rctr inspect tool:1 | jq -c '.[0] | [.Config.Cmd, .Config.Env, .Config.Labels, .Config.User, .Config.WorkingDir]')" \
        '[["/bin/x"],["A=b"],{"c":"d"},"7","/etc"]'
    is "$(rctr inspect --format '{{.Os}}/{{.Architecture}}' tool:1)" "linux/arm64"
    rctr import --arch riscv64 root.tar tool:2
    is "$(rctr inspect --format '{{.Architecture}}' tool:2)" "riscv64"
}

@test "what is wrong is told, and nothing stays" {
    make_root
    fails_with 125 "cannot open 'none.tar'" rctr import none.tar
    fails_with 125 "rctr import reads files, not addresses" rctr import https://example.com/root.tar
    fails_with 125 "RUN" rctr import -c 'RUN x' root.tar
    fails_with 125 "with a digest" rctr import root.tar "x@sha256:$(printf %064d 1)"
    fails_with 125 "--platform cannot be used with --os" rctr import --platform linux/arm64 --os linux root.tar
    head -c 3000 /dev/urandom >junk
    fails_with 125 "junk: " rctr import junk
    head -c 1000 root.tar >cut.tar
    fails_with 125 "cut.tar: " rctr import cut.tar
    gzip -c root.tar | head -c 100 >cut.gz
    fails_with 125 "the gzip stream ends early" rctr import cut.gz
    is "$(rctr images -aq)" ""
    is "$(ls "$RCTR_STATE/blobs/sha256" "$RCTR_STATE/layers" "$RCTR_STATE/tmp" 2>/dev/null |
        grep -c '^[0-9a-f]')" 0
}

@test "what is imported is saved and loaded again" {
    make_root
    id=$(rctr import root.tar tool)
    rctr save -o tool.tar tool
    rctr rmi tool
    rctr load -i tool.tar
    is "$(rctr images -q --no-trunc)" "$id"
    tar -xOf tool.tar "$(sha256sum <root.tar | cut -c1-64).tar" | cmp - root.tar
}

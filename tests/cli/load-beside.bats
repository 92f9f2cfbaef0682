# rctr load unpacks layers while it reads the archive: what then must hold all the same.

load common

setup() {
    common_setup
    mkdir a b c
    echo one >a/one && echo two >b/two && echo three >c/three
    for l in a b c; do oci_pack $l >$l.tar; done
    oci_new layout '{}' "$PWD/a.tar" "$PWD/b.tar" "$PWD/c.tar"
    pack
}

# oci.tar: blobs first, the tables last, as podman and docker write it.
pack() {
    (cd layout && tar -cf ../oci.tar blobs index.json oci-layout)
}

layers() {
    ls "$RCTR_STATE/layers" 2>/dev/null | wc -l
}

# Nothing of a failed load is left.
nothing_left() {
    is "$(layers)" 0
    is "$(ls "$RCTR_STATE/blobs/sha256" 2>/dev/null)" ""
    is "$(ls "$RCTR_STATE/tmp" 2>/dev/null)" ""
    is "$(rctr images -aq)" ""
}

works() {
    is "$(rctr image inspect -f '{{len .RootFS.Layers}}' localhost/latest)" 3
    is "$(rctr unshare sh -c "cat '$RCTR_STATE'/layers/*/tree/one '$RCTR_STATE'/layers/*/tree/two '$RCTR_STATE'/layers/*/tree/three")" $'one\ntwo\nthree'
}

@test "the tables may come last, first, and by and by through a pipe" {
    rctr load -q -i oci.tar
    works
    (cd layout && tar -cf ../first.tar oci-layout index.json blobs)
    RCTR_STATE=$BATS_TEST_TMPDIR/second rctr load -q -i first.tar
    (head -c 2000 oci.tar; sleep 0.3; tail -c +2001 oci.tar) | RCTR_STATE=$BATS_TEST_TMPDIR/third rctr load -q
    for store in second third; do
        RCTR_STATE=$BATS_TEST_TMPDIR/$store
        is "$(layers)" 3
        rctr system check
    done
}

@test "a file that only looks like a layer is no failure, and is not kept" {
    mkdir -p junk/deep && echo x >junk/deep/x
    tar -C junk -cf layout/blobs/junk.tar . # of its own name, so no blob by digest
    tar -P -cf bad.tar --transform 's,^,../../../,' junk
    head -c 3000 /dev/urandom | gzip -n >no-tar.gz
    for f in bad.tar no-tar.gz; do
        cp $f "layout/blobs/sha256/$(sha256sum $f | cut -d' ' -f1)"
    done
    pack
    rctr load -q -i oci.tar
    is "$(layers)" 3
    is "$(ls "$RCTR_STATE/blobs/sha256" | wc -l)" 5
    is "$(ls "$RCTR_STATE/tmp")" ""
    rctr system check
}

@test "one layer is not what the configuration says: nothing is left of the others" {
    config=$(jq -r .config.digest layout/blobs/sha256/$(jq -r '.manifests[0].digest' layout/index.json | cut -d: -f2) | cut -d: -f2)
    jq -c '.rootfs.diff_ids[1] = "sha256:'"$(printf '0%.0s' {1..64})"'"' layout/blobs/sha256/$config >config
    manifest=$(jq -r '.manifests[0].digest' layout/index.json | cut -d: -f2)
    new=$(sha256sum config | cut -d' ' -f1) && mv config layout/blobs/sha256/$new && rm layout/blobs/sha256/$config
    jq -c --arg d sha256:$new --argjson s $(stat -c %s layout/blobs/sha256/$new) '.config.digest = $d | .config.size = $s' layout/blobs/sha256/$manifest >manifest
    rm layout/blobs/sha256/$manifest
    new=$(sha256sum manifest | cut -d' ' -f1) && mv manifest layout/blobs/sha256/$new
    jq -c --arg d sha256:$new --argjson s $(stat -c %s layout/blobs/sha256/$new) '.manifests[0].digest = $d | .manifests[0].size = $s' layout/index.json >index
    mv index layout/index.json
    pack
    fails_with 125 "layer 2 of 3: layer 000000000000: its contents are sha256:" rctr load -i oci.tar
    nothing_left
}

@test "a cut archive leaves nothing, wherever it ends" {
    size=$(stat -c %s oci.tar)
    for part in 1 2 3 4 5; do
        head -c $((size * part / 10)) oci.tar >cut.tar
        fails_with 125 "" rctr load -i cut.tar
        nothing_left
    done
}

@test "a layer that stands in the image twice is unpacked once" {
    rm -r layout
    oci_new layout '{}' "$PWD/a.tar" "$PWD/b.tar" "$PWD/a.tar"
    pack
    rctr load -q -i oci.tar
    is "$(layers)" 2
    rctr save -q --format docker-archive -o again.tar localhost/latest
    RCTR_STATE=$BATS_TEST_TMPDIR/second rctr load -q -i again.tar
    RCTR_STATE=$BATS_TEST_TMPDIR/second
    is "$(layers)" 2
}

@test "many layers, more than workers: all of them come" {
    list=()
    for i in $(seq 40); do
        mkdir l$i && echo $i >l$i/$i && oci_pack l$i >l$i.tar && list+=("$PWD/l$i.tar")
    done
    rm -r layout
    OCI_COMPRESS=zstd oci_new layout '{}' "${list[@]}"
    pack
    rctr load -q -i oci.tar
    is "$(layers)" 40
    rctr system check
    rctr save -q -o d.tar localhost/latest
    tar -xf d.tar --one-top-level=d && (cd d && tar -cf ../e.tar $(ls | grep '\.tar$') $(ls | grep -v '\.tar$'))
    RCTR_STATE=$BATS_TEST_TMPDIR/second rctr load -q -i e.tar
    RCTR_STATE=$BATS_TEST_TMPDIR/second
    is "$(layers)" 40
    rctr system check
}

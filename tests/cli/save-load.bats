#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# save and load: archives of docker and OCI, of ours and of others.
# also: single-uid
load common
load image

elsewhere() { # COMMAND...: with a store that has nothing
    RCTR_STATE=$BATS_TEST_TMPDIR/elsewhere "$@"
}

teardown() {
    local other=$BATS_TEST_TMPDIR/elsewhere
    rm -rf "$other" 2>/dev/null || rctr unshare rm -rf "$other" 2>/dev/null || true
    common_teardown
}

# docker_archive FOLDER WORD: what docker save of 2017 wrote, with the layer in a folder of its own.
docker_archive() {
    mkdir -p "$1/abc" root
    echo "$2" >root/word
    oci_pack root >"$1/abc/layer.tar"
    echo 1.0 >"$1/abc/VERSION"
    echo '{}' >"$1/abc/json"
    local diff
    diff=$(sha256sum <"$1/abc/layer.tar" | cut -c1-64)
    printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(oci_arch)" "$diff" >"$1/conf.json"
    echo '[{"Config":"conf.json","RepoTags":["tool:v1"],"Layers":["abc/layer.tar"]}]' >"$1/manifest.json"
}

oci_arch() {
    case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
    esac
}

@test "what is saved is loaded as the same image, in each format" {
    image_load quay.io/x/tool:v1 hello '{"Env":["A=1"]}'
    id=$(rctr images -q --no-trunc)
    for format in docker-archive oci-archive oci-dir; do
        is "$(rctr save --format $format -o $format.out quay.io/x/tool:v1)" ""
        is "$(elsewhere rctr load -i $format.out)" "Loaded image: quay.io/x/tool:v1"
        is "$(elsewhere rctr images -q --no-trunc)" "$id"
        elsewhere rctr rmi quay.io/x/tool:v1
    done
}

@test "the digest of the manifest stays in an OCI archive" {
    image_load quay.io/x/tool:v1 hello
    rctr save --format oci-archive quay.io/x/tool:v1 | elsewhere rctr load -q
    is "$(elsewhere rctr images --digests --format '{{.Digest}}')" \
        "$(rctr images --digests --format '{{.Digest}}')"
}

@test "the same image gives the same bytes" {
    image_load tool hello
    for format in docker-archive oci-archive; do
        rctr save --format $format -o one.tar tool
        rctr save --format $format -q tool >two.tar
        cmp one.tar two.tar
    done
}

@test "several images stand in one archive, and further words are names" {
    image_load one first
    image_load two second
    for format in docker-archive oci-archive; do
        rctr save -m --format $format -o m.tar one two
        is "$(elsewhere rctr load -i m.tar | sort)" \
            $'Loaded image: localhost/one:latest\nLoaded image: localhost/two:latest'
        rctr save --format $format -o m.tar one quay.io/y/three:4
        is "$(elsewhere rctr load -i m.tar | sort)" \
            $'Loaded image: localhost/one:latest\nLoaded image: quay.io/y/three:4'
    done
    fails_with 125 "three: image not known" rctr save -m -o m.tar one three
    rctr save "$(rctr inspect --format '{{.Id}}' one)" >id.tar
    is "$(tar -xOf id.tar manifest.json | jq -c '.[0].RepoTags')" "[]"
}

@test "an archive of docker's first format is loaded, and its short name is docker's" {
    docker_archive d hello
    tar -C d -cf d.tar .
    is "$(rctr load -i d.tar)" "Loaded image: docker.io/library/tool:v1"
    mkdir d/def && ln -s ../abc/layer.tar d/def/layer.tar
    sed -i 's,abc/layer,def/layer,; s/tool:v1/tool:v2/' d/manifest.json
    tar -C d -cf d.tar .
    is "$(rctr load -i d.tar)" "Loaded image: docker.io/library/tool:v2"
    for way in gzip zstd; do
        command -v $way >/dev/null || continue
        is "$($way -c <d.tar | rctr load)" "Loaded image: docker.io/library/tool:v2"
    done
    rctr system check
}

@test "layers of a docker archive may be compressed" {
    docker_archive d hello
    gzip -n d/abc/layer.tar
    mv d/abc/layer.tar.gz d/abc/layer.tar
    tar -C d -cf d.tar .
    is "$(rctr load -i d.tar)" "Loaded image: docker.io/library/tool:v1"
    rctr save -o again.tar tool:v1
    is "$(elsewhere rctr load -i again.tar)" "Loaded image: docker.io/library/tool:v1"
}

# refused WORDS: the docker archive in folder d is refused, and nothing is left of it.
refused() {
    tar -C d -cf d.tar .
    fails_with 125 "$1" rctr load -i d.tar
    is "$(rctr images -aq)" ""
    is "$(ls "$RCTR_STATE/blobs/sha256" "$RCTR_STATE/layers" "$RCTR_STATE/tmp" 2>/dev/null |
        grep -c '^[0-9a-f]')" 0
}

@test "damaged docker archives are refused in words and leave nothing" {
    docker_archive d hello
    cp -r d good
    sed -i 's,abc/layer.tar,abc/other.tar,' d/manifest.json
    refused "the archive has no file 'abc/other.tar'"
    sed -i 's,abc/other.tar,../../etc/passwd,' d/manifest.json
    refused "'../../etc/passwd': it leads out of the archive"
    cp good/manifest.json d
    ln -sf /etc/passwd d/abc/layer.tar
    refused "the link 'abc/layer.tar' to '/etc/passwd': it leads out of the archive"
    ln -sf layer.tar d/abc/layer.tar
    refused "'abc/layer.tar' is a link to a link to a link without end"
    rm d/abc/layer.tar
    oci_pack d/abc >d/wrong && mv d/wrong d/abc/layer.tar
    refused "layer 1 of 1: "
    rm -r d && cp -r good d
    echo '[]' >d/manifest.json
    refused "it is not a list of 1 to 1000 images"
    echo '[{"Config":"conf.json","Config":"x"}]' >d/manifest.json
    refused "manifest.json: "
    rm d/manifest.json
    refused "it is not an OCI archive: it has no file oci-layout; and no docker archive"
    rm -r d && cp -r good d
    sed -i 's/"diff_ids":\[.*\]/"diff_ids":[]/' d/conf.json
    refused "the manifest has 1 layers, the config 0 diff-ids"
    rm -r d && cp -r good d
    sed -i "s/tool:v1/tool@sha256:$(printf %064d 1)/" d/manifest.json
    refused "but its manifest is sha256:"
    rm -r d && cp -r good d
    tar -C good -cf d.tar .
    echo junk >d/abc/layer.tar
    tar -C d -rf d.tar ./abc/layer.tar
    fails_with 125 "the archive has 'abc/layer.tar' twice, with different contents" rctr load -i d.tar
    tar -C good -cf d.tar .
    tar -C good -rf d.tar ./manifest.json
    fails_with 125 "the archive has 'manifest.json' twice" rctr load -i d.tar
    is "$(rctr images -aq)" ""
    tar -C good -cf cut.tar .
    truncate -s 11000 cut.tar
    fails_with 125 "the archive ends in the middle of an entry" rctr load -i cut.tar
    is "$(rctr images -aq)" ""
}

@test "an archive with one whole and one damaged image names neither" {
    docker_archive d hello
    jq -c '. + [{"Config":"conf.json","RepoTags":["two:1"],"Layers":["none.tar"]}]' \
        d/manifest.json >m && mv m d/manifest.json
    refused "image 2 of 2: the archive has no file 'none.tar'"
}

@test "what save cannot do is told, and no half file stays" {
    image_load tool hello
    fails_with 125 "nothing: image not known" rctr save -o out.tar nothing
    [ ! -e out.tar ]
    fails_with 125 "--format docker-dir is not written by rctr" rctr save --format docker-dir -o out tool
    fails_with 125 "'zip' is not one of docker-archive, oci-archive, oci-dir" \
        rctr save --format zip -o out tool
    fails_with 125 "--compress belongs to the format docker-dir" rctr save --compress -o out tool
    fails_with 125 "name it with -o" rctr save --format oci-dir tool
    rctr save --format oci-dir -o out tool
    echo '{"imageLayoutVersion":"2.0.0"}' >out/oci-layout
    fails_with 125 "version is '2.0.0'" rctr save --format oci-dir -o out tool
    cp out/index.json before
    echo '{"imageLayoutVersion":"1.0.0"}' >out/oci-layout
    fails_with 125 "cannot create 'no/where'" rctr save -o no/where tool
    layer=$(jq -r '.layers[0].digest' "$RCTR_STATE/blobs/sha256/$(cut -c8- "$RCTR_STATE"/refs/localhost/tool/:latest)")
    rctr save -o kept.tar tool
    sum=$(sha256sum <kept.tar)
    truncate -s 100 "$RCTR_STATE/blobs/sha256/${layer#sha256:}"
    fails_with 125 "the gzip stream ends early" rctr save -o kept.tar tool
    is "$(sha256sum <kept.tar)" "$sum"
    fails_with 125 "instead of" rctr save --format oci-dir -o out tool
    cmp out/index.json before
    fails_with 125 "the gzip stream ends early" rctr save -o half.tar tool
    [ ! -e half.tar ]
    rm "$RCTR_STATE/blobs/sha256/${layer#sha256:}"
    fails_with 125 "is not in the store" rctr save --format oci-archive -o half.tar tool
    [ ! -e half.tar ]
}

@test "a file that is replaced keeps its mode, a link leads to it still, a pipe is written as it is" {
    image_load tool hello
    rctr save -o real.tar tool
    chmod 640 real.tar
    ln -s real.tar link.tar
    rctr save --format oci-archive -o link.tar tool
    [ -L link.tar ]
    is "$(stat -c %a real.tar)" 640
    tar -tf real.tar | grep -q oci-layout
    mkfifo pipe
    rctr save -o pipe tool &
    is "$(sha256sum <pipe)" "$(rctr save tool | sha256sum)"
    wait
    [ -p pipe ]
    mkdir folder
    fails_with 125 "it is a folder" rctr save -o folder tool
    is "$(find . -name '.rctr*')" ""
}

@test "a folder of an OCI layout gets more images" {
    image_load one first
    image_load two second
    rctr save --format oci-dir -o out one
    rctr save --format oci-dir -o out two
    rctr save --format oci-dir -o out one
    is "$(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' out/index.json | sort | tr '\n' ' ')" \
        "localhost/one:latest localhost/two:latest "
    rctr rmi -a >/dev/null
    rctr load -q -i out
    is "$(rctr images --noheading | wc -l)" 2
    rctr system check
}

@test "skopeo reads what is saved" {
    command -v skopeo >/dev/null || skip "no skopeo"
    image_load quay.io/x/tool:v1 hello
    digest=$(rctr images --digests --format '{{.Digest}}')
    rctr save -o d.tar quay.io/x/tool:v1
    rctr save --format oci-archive -o o.tar quay.io/x/tool:v1
    rctr save --format oci-dir -o odir quay.io/x/tool:v1
    is "$(skopeo inspect oci-archive:o.tar | jq -r .Digest)" "$digest"
    is "$(skopeo inspect oci:odir | jq -r .Digest)" "$digest"
    skopeo inspect docker-archive:d.tar:quay.io/x/tool:v1 >/dev/null
    skopeo copy -q --insecure-policy docker-archive:d.tar oci-archive:again.tar:quay.io/x/tool:v1
    is "$(elsewhere rctr load -i again.tar)" "Loaded image: quay.io/x/tool:v1"
    skopeo copy -q --insecure-policy oci-archive:o.tar docker-archive:again2.tar:quay.io/x/tool:v1
    is "$(elsewhere rctr load -i again2.tar)" "Loaded image: quay.io/x/tool:v1"
    is "$(elsewhere rctr images --format '{{.ID}}' quay.io/x/tool)" "$(rctr images -q)"
}

@test "podman loads what is saved, and what it saves is loaded" {
    command -v podman >/dev/null || skip "no podman"
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    pod() {
        podman --root "$BATS_TEST_TMPDIR/pod" --runroot "$XDG_RUNTIME_DIR/pod" --storage-driver vfs "$@"
    }
    pod info >/dev/null 2>&1 || skip "podman does not work for this user"
    image_load quay.io/x/tool:v1 hello
    id=$(rctr images -q --no-trunc)
    for format in docker-archive oci-archive; do
        rctr save --format $format -o ours.tar quay.io/x/tool:v1
        pod load -q -i ours.tar
        is "sha256:$(pod images -q --no-trunc | cut -d: -f2)" "$id"
        pod save -q --format $format -o theirs.tar quay.io/x/tool:v1
        is "$(elsewhere rctr load -i theirs.tar)" "Loaded image: quay.io/x/tool:v1"
        is "$(elsewhere rctr images -q --no-trunc)" "$id"
        pod rmi -a >/dev/null
        elsewhere rctr rmi -a >/dev/null
    done
    pod unshare rm -rf "$BATS_TEST_TMPDIR/pod"
    kill "$(cat "$XDG_RUNTIME_DIR/libpod/tmp/pause.pid")" # it holds podman's user namespace
}

# also: single-uid
load common

changed() { # NAME: a container that has changed files of each kind
    rctr run --name "$1" --network none localhost/busybox sh -c 'echo hi >/etc/new; rm /etc/passwd
        mkdir -p /d/e; ln -s x /d/l; echo 1 >/d/e/f; ln /d/e/f /d/g; mkfifo /d/p; chmod 4755 /d/e/f
        chmod 700 /home; rm -r /var; mkdir /var; echo >/var/x; chmod 751 /; touch -d "2001-02-03 04:05:06" /d/e/f'
}

looks='stat -c "%n %a %h %F" / /home /d /d/e /d/e/f /d/l /d/p /etc/new; stat -c %Y /d/e/f; ls /var /d; readlink /d/l; cat /d/g; test ! -e /etc/passwd && echo gone'

runs() {
    changed c
    id=$(rctr commit c made:1)
    is "$(rctr run --rm --network none "$id" cat /etc/new)" hi
    out=$(rctr run --rm --network none made:1 sh -c "$looks")
    has "$out" "/home 700"
    has "$out" "/d/e/f 4755 2 regular file"
    has "$out" "981173106"
    has "$out" "gone"
    is "$(rctr run --rm --network none made:1 ls /var)" x
    is "$(rctr run --rm --network none made:1 stat -c %a /)" 751
    is "$(rctr run --rm --network none made:1 cat /d/g)" 1
}

@test "the new image has what the container changed, with each driver" {
    each_driver runs
    has "$(rctr system check)" "no problems"
}

layer_of() {
    rctr image inspect "$1" | jq -r '.[0].RootFS.Layers[-1]'
}

same_layer() {
    changed c
    rctr commit -q c one >/dev/null
    sleep 1
    rctr commit -q c two >/dev/null
    is "$(layer_of one)" "$(layer_of two)"
    is "$(rctr image inspect one | jq '.[0].RootFS.Layers | length')" 2
}

@test "the same changes are the same layer" {
    each_driver same_layer
}

@test "what the image says of its program comes from the container and from --change" {
    rctr create --name c --network none -e FROM=container -l made=by-hand -w /tmp -u 0:0 localhost/busybox sleep 5 >/dev/null
    rctr commit -q -a 'An Author' -m 'a message' \
        -c 'CMD ["echo", "changed"]' -c 'ENV A=b "C=d e" F=\ g' -c 'ENV OLD form with spaces' \
        -c 'LABEL x=y "z=1 2"' -c 'EXPOSE 80 53/udp' -c 'VOLUME ["/v1", "/v2"]' -c 'VOLUME /v3' \
        -c 'WORKDIR sub' -c 'ONBUILD RUN true' -c 'STOPSIGNAL SIGINT' -c 'USER 5:6' \
        -c 'HEALTHCHECK --interval=5s --retries=2 CMD test -e /x' c conf >/dev/null
    config=$(rctr image inspect conf | jq -c '.[0].Config')
    is "$(jq -r '.Cmd | join("|")' <<<"$config")" "echo|changed"
    is "$(jq -r '.Env | map(select(startswith("PATH") | not)) | join("|")' <<<"$config")" "FROM=container|A=b|C=d e|F= g|OLD=form with spaces"
    is "$(jq -c '.Labels' <<<"$config")" '{"made":"by-hand","x":"y","z":"1 2"}'
    is "$(jq -c '.ExposedPorts' <<<"$config")" '{"53/udp":{},"80/tcp":{}}'
    is "$(jq -c '.Volumes' <<<"$config")" '{"/v1":{},"/v2":{},"/v3":{}}'
    is "$(jq -r '.WorkingDir, .StopSignal, .User, .OnBuild[0]' <<<"$config" | tr '\n' '|')" "/tmp/sub|SIGINT|5:6|RUN true|"
    is "$(jq -c '.Healthcheck.Test, .Healthcheck.Interval, .Healthcheck.Retries' <<<"$config" | tr '\n' ' ')" '["CMD-SHELL","test -e /x"] 5000000000 2 '
    is "$(rctr image inspect conf | jq -r '.[0].Author, .[0].History[-1].comment, .[0].History[-1].created_by' | tr '\n' '|')" "An Author|a message|sleep 5|"
    rctr commit -q -c 'CMD echo from $SHELL' -c 'ENTRYPOINT=["/bin/sh", "-c"]' c shell >/dev/null
    is "$(rctr image inspect shell | jq -c '.[0].Config | .Cmd, .Entrypoint' | tr '\n' ' ')" '["/bin/sh","-c","echo from $SHELL"] ["/bin/sh","-c"] '
}

@test "nothing of the host's or the start's is in it" {
    rctr run --name c --network none localhost/busybox true
    rctr commit -q c empty >/dev/null
    has "$(rctr image inspect empty)" '"PATH='
    is "$(rctr image inspect empty | grep -cE 'HOSTNAME|container=|TERM=')" 0
    is "$(rctr diff localhost/empty)" ""
}

@test "a running container is committed, paused when asked" {
    rctr run -d --name c --network none localhost/busybox sh -c 'echo x >/state; sleep 1000' >/dev/null
    for i in $(seq 20); do rctr diff c | grep -q state && break; sleep 0.1; done
    rctr commit -q c run1 >/dev/null
    rctr commit -q --pause c run2 >/dev/null
    is "$(layer_of run1)" "$(layer_of run2)"
    is "$(rctr run --rm --network none run2 cat /state)" x
    is "$(rctr container inspect c | jq -r '.[0].State.Status')" running
}

@test "formats: OCI and docker manifests, one layer with --squash" {
    changed c
    rctr commit -q --iidfile id c oci >id2
    is "$(cat id)" "$(cat id2)"
    rctr commit -q -f docker -m 'for docker' c docker >/dev/null
    rctr commit -q -s c squashed >/dev/null
    is "$(rctr image inspect oci | jq -r '.[0].ManifestType')" application/vnd.oci.image.manifest.v1+json
    is "$(rctr image inspect docker | jq -r '.[0].ManifestType')" application/vnd.docker.distribution.manifest.v2+json
    is "$(rctr image inspect squashed | jq '.[0].RootFS.Layers | length')" 1
    is "$(rctr run --rm --network none squashed cat /etc/new)" hi
    is "$(rctr run --rm --network none squashed ls /var)" x
}

@test "an OCI layout of the new image is one that skopeo can read" {
    need_command skopeo
    changed c
    rctr commit -q -m hello c fresh >/dev/null
    mkdir -p layout/blobs
    cp -r "$RCTR_STATE/blobs/sha256" layout/blobs/
    manifest=$(cat "$RCTR_STATE"/refs/localhost/fresh/:latest)
    echo '{"imageLayoutVersion":"1.0.0"}' >layout/oci-layout
    jq -n --arg d "$manifest" --argjson s "$(stat -c %s "layout/blobs/${manifest/://}")" \
        '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: $s}]}' >layout/index.json
    is "$(skopeo inspect oci:layout | jq -r '.Layers | length')" 2
    skopeo copy -q oci:layout oci-archive:again.tar
    rctr load -q -i again.tar
}

@test "what is wrong is told, and nothing is made" {
    changed c
    before=$(rctr images -a | wc -l)
    fails_with 125 'no container with name or ID "nosuch" found: no such container' rctr commit nosuch
    fails_with 125 'RUN is no instruction' rctr commit -c 'RUN true' c x
    fails_with 125 'did you mean CMD?' rctr commit -c 'CDM true' c x
    fails_with 125 'CMD needs a value' rctr commit -c CMD c x
    fails_with 125 "'x' is no port" rctr commit -c 'EXPOSE x' c x
    fails_with 125 'is not closed' rctr commit -c 'LABEL a="b' c x
    fails_with 125 'unrecognized image format "tar"' rctr commit -f tar c x
    fails_with 125 'repository name must be lowercase' rctr commit c Bad
    mkdir root
    rctr create --name r --network none --rootfs "$PWD/root" true >/dev/null
    fails_with 125 'there is no image that it could differ from' rctr commit r x
    is "$(rctr images -a | wc -l)" "$before"
}

@test "a limit on the size of files ends a commit, and nothing stays" {
    rctr run --name c --network none localhost/busybox sh -c 'dd if=/dev/zero of=/big bs=1M count=8 2>/dev/null'
    before=$(find "$RCTR_STATE/blobs" "$RCTR_STATE/layers" | wc -l)
    (ulimit -f 2048; fails_with 125 "File too large" timeout 20 rctr commit c x)
    is "$(find "$RCTR_STATE/blobs" "$RCTR_STATE/layers" | wc -l)" "$before"
    rctr commit -q c x >/dev/null
}

@test "--include-volumes makes the container's volumes the image's" {
    rctr create --name c --network none -v data:/srv/data localhost/busybox true >/dev/null
    rctr commit -q c without >/dev/null
    rctr commit -q --include-volumes c with >/dev/null
    is "$(rctr image inspect without | jq -c '.[0].Config.Volumes')" null
    is "$(rctr image inspect with | jq -c '.[0].Config.Volumes')" '{"/srv/data":{}}'
}

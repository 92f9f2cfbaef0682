# images.sh - the part of run.sh about images: save, load, push, rmi, and a pull of a gibibyte in four files.
# shellcheck shell=bash disable=SC2154 # run.sh's variables

# What is saved and loaded is Debian (121 MB in one layer). What is pushed is a layer of 41 MB that
# no compression makes smaller: a new one for each round, and for skopeo one of its own, since it and
# podman share a cache of what the registry has: one would only mount what the other has sent.
images_ground() {
    local u=$work/user image=127.0.0.1:$port/test/debian:12 round
    mkdir -p "$u/images" "$u/bin"
    chown $user: "$u/images" "$u/bin"
    as_user env RCTR_STATE="$u/images/rctr" rctr pull -q --tls-verify=false "$image" >/dev/null
    as_user $podman --root "$u/images/podman" pull -q --tls-verify=false "$image" >/dev/null
    as_user skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$image" "oci:$u/images/oci:debian"
    as_user env RCTR_STATE="$u/images/rctr" rctr save -q -o "$u/images/debian.tar" "$image"
    as_user env RCTR_STATE="$u/images/rctr" rctr save -q --format oci-archive -o "$u/images/debian.oci" "$image"
    for ((round = 0; round < rounds_images; round++)); do
        images_random "$u/images" "push$round"
        images_random "$u/images" "skopeo$round"
        as_user env RCTR_STATE="$u/images/rctr" rctr import "$u/images/push$round.tar" "localhost/push:$round" >/dev/null
        as_user $podman --root "$u/images/podman" import -q "$u/images/push$round.tar" "localhost/push:$round" >/dev/null
        as_user skopeo copy -q --insecure-policy "tarball:$u/images/skopeo$round.tar" "docker-archive:$u/images/skopeo$round.archive"
        as_user rm "$u/images/skopeo$round.tar"
    done
    cat >"$u/bin/push-parts" <<'END'
#!/bin/sh
# push-parts TAR REPOSITORY: the layer alone, by curl, after igzip and sha256sum.
set -e
igzip -c "$1" >"$1.gz"
sum=$(sha256sum "$1.gz")
at=$(curl -sS -X POST -D - -o /dev/null "http://$2/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
exec curl -sS -f -H 'Content-Type: application/octet-stream' -X PUT -T "$1.gz" "$at&digest=sha256:${sum%% *}"
END
    cat >"$u/bin/load-parts" <<'END'
#!/bin/sh
# load-parts ARCHIVE FOLDER: its layer unpacked by tar, nothing checked, nothing synced.
set -e
mkdir "$2"
exec tar -xOf "$1" --wildcards '*.tar' | tar -C "$2" -xf - --no-same-owner
END
    printf '#!/bin/sh\nexec igzip -dc "$1" >"$2"\n' >"$u/bin/save-parts"
    chmod 755 "$u/bin/push-parts" "$u/bin/load-parts" "$u/bin/save-parts"
}

images_random() { # folder, name: FOLDER/NAME.tar of 41 files of a megabyte
    as_user sh -c "mkdir $1/$2 && cd $1/$2 && head -c 42991616 /dev/urandom | split -b 1M && tar -cf ../$2.tar . && rm -r $1/$2"
}

images_commands() {
    local i=$work/user/images b=$work/user/bin image=127.0.0.1:$port/test/debian:12 to=127.0.0.1:$port
    local blob
    blob=$(find "$i/oci/blobs" -size +1M)
    cat >"$work/images-save" <<END
save           RCTR_STATE=$i/rctr rctr save -q -o $i/s-rctr-%r $image
save-igzip     $b/save-parts $blob $i/s-igzip-%r
save-skopeo    skopeo copy -q --insecure-policy oci:$i/oci:debian docker-archive:$i/s-skopeo-%r:$image
save-podman    $podman --root $i/podman save -q -o $i/s-podman-%r $image
save-oci       RCTR_STATE=$i/rctr rctr save -q --format oci-archive -o $i/o-rctr-%r $image
save-oci-cp    cp $blob $i/o-cp-%r
save-oci-podman $podman --root $i/podman save -q --format oci-archive -o $i/o-podman-%r $image
END
    cat >"$work/images-load" <<END
load           RCTR_STATE=$i/l-rctr-%r rctr load -q -i $i/debian.tar
load-tar       $b/load-parts $i/debian.tar $i/l-tar-%r
load-skopeo    skopeo copy -q --insecure-policy docker-archive:$i/debian.tar dir:$i/l-skopeo-%r
load-podman    $podman --root $i/l-podman-%r load -q -i $i/debian.tar
load-oci       RCTR_STATE=$i/lo-rctr-%r rctr load -q -i $i/debian.oci
load-oci-podman $podman --root $i/lo-podman-%r load -q -i $i/debian.oci
END
    cat >"$work/images-push" <<END
push           RCTR_STATE=$i/rctr rctr push -q --tls-verify=false localhost/push:%r $to/bench/rctr:%r
push-curl      $b/push-parts $i/push%r.tar $to/v2/bench/curl
push-skopeo    skopeo copy -q --insecure-policy --dest-tls-verify=false docker-archive:$i/skopeo%r.archive docker://$to/bench/skopeo:%r
push-podman    $podman --root $i/podman push -q --tls-verify=false localhost/push:%r $to/bench/podman:%r
END
    cat >"$work/images-rmi" <<END
rmi            RCTR_STATE=$i/l-rctr-%r rctr rmi $image
rmi-rm         rm -r $i/l-tar-%r
rmi-podman     $podman --root $i/l-podman-%r rmi $image
END
}

# Four files of 256 MB that no compression makes smaller, in one layer.
images_four() {
    local u=$work/user
    as_user sh -c "mkdir $u/four && cd $u/four && for i in 1 2 3 4; do head -c 268435456 /dev/urandom >\$i; done && tar -cf ../four.tar ."
    as_user env RCTR_STATE="$u/four-store" rctr import "$u/four.tar" localhost/four >/dev/null
    as_user env RCTR_STATE="$u/four-store" rctr push -q --tls-verify=false localhost/four "127.0.0.1:$port/test/four:1"
    as_user rm -r "$u/four" "$u/four.tar"
    as_user env RCTR_STATE="$u/four-store" rctr rmi localhost/four >/dev/null
}

run_images() {
    local part
    say "save, load, push, rmi"
    images_ground
    images_commands
    for part in save load push rmi; do
        measure images "$rounds_images" "$work/images-$part" -s
    done
    images_memory
    [ -n "$quick" ] || run_four
}

run_four() {
    say "pull of 1 GiB in 4 files"
    images_four
    pull_commands four test/four:1
    bash -c "curl -s -K $work/user/four.curl"
    measure pull-four 2 "$work/pull-four" -s
    peak_of memory-images rctr-pull-1GiB env RCTR_STATE="$work/user/m-four" rctr pull -q --tls-verify=false "127.0.0.1:$port/test/four:1"
}

images_memory() {
    local i=$work/user/images image=127.0.0.1:$port/test/debian:12 to=127.0.0.1:$port
    peak_of memory-images rctr-save env RCTR_STATE="$i/rctr" rctr save -q -o "$i/m-save" "$image"
    peak_of memory-images podman-save $podman --root "$i/podman" save -q -o "$i/m-save-podman" "$image"
    peak_of memory-images rctr-load env RCTR_STATE="$i/m-load" rctr load -q -i "$i/debian.tar"
    peak_of memory-images podman-load $podman --root "$i/m-load-podman" load -q -i "$i/debian.tar"
    peak_of memory-images skopeo-load skopeo copy -q --insecure-policy "docker-archive:$i/debian.tar" "dir:$i/m-load-skopeo"
    peak_of memory-images rctr-push env RCTR_STATE="$i/rctr" rctr push -q --tls-verify=false localhost/push:0 "$to/bench/memory-rctr:1"
    peak_of memory-images podman-push $podman --root "$i/podman" push -q --tls-verify=false localhost/push:0 "$to/bench/memory-podman:1"
    peak_of memory-images skopeo-push skopeo copy -q --insecure-policy --dest-tls-verify=false "docker-archive:$i/skopeo0.archive" "docker://$to/bench/memory-skopeo:1"
}

report_images() {
    table images '`save` of Debian, 121 MB, docker-archive' save 300 save-igzip save-skopeo save-podman
    table images '`save --format oci-archive`' save-oci 300 save-oci-cp save-oci-podman
    table images '`load` of that archive' load 500 load-tar load-skopeo load-podman
    table images '`load` of the OCI archive' load-oci 500 load-oci-podman
    table images '`push` of a layer of 41 MB' push 300 push-curl push-skopeo push-podman
    table images '`rmi` of Debian' rmi 200 rmi-rm rmi-podman
    [ -n "$quick" ] || table pull-four 'Pull: one layer, 1 GiB in 4 files' rctr 4000 curl shell skopeo podman
}

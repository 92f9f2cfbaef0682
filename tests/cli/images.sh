#!/bin/bash
# images.sh FOLDER - make the images of the tests and push them to $RCTR_TEST_REGISTRY.
#
#   test/busybox:latest   the embedded image     test/layers:30   busybox in 30 layers
#   test/debian:12        one layer of 120 MB    test/python:3    Debian with python3
#   test/big:1            Debian with libraries, for tests/bench
# The last three are made of FOLDER/NAME.tar, where root could make those (tests/images/roots.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cli/oci.bash
. "$here/oci.bash"
images=$1
registry=${RCTR_TEST_REGISTRY:?is not set: there is no registry to push to}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

push() { # folder, name
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false "oci:$1:latest" "docker://$registry/$2"
    echo "pushed $2"
}

"$here/../../packaging/images/busybox.sh" "$images/busybox.tar"
skopeo copy --quiet --insecure-policy --dest-tls-verify=false "oci-archive:$images/busybox.tar" \
    "docker://$registry/test/busybox:latest"

# The first layer is busybox's own; each further one writes a file of its own and one of all.
mkdir "$work/busybox" && tar -C "$work/busybox" -xf "$images/busybox.tar"
cp "$(oci_layer "$work/busybox" 0)" "$work/1.tar.gz" && gunzip "$work/1.tar.gz"
for i in $(seq 2 30); do
    mkdir -p "$work/layer$i/numbers" && echo "$i" >"$work/layer$i/numbers/$i" && echo "$i" >"$work/layer$i/last"
    oci_pack "$work/layer$i" >"$work/$i.tar"
done
oci_new "$work/layers" '{"Cmd":["sh"],"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}' \
    $(for i in $(seq 30); do echo "$work/$i.tar"; done)
push "$work/layers" test/layers:30

for pair in debian:12 python:3 big:1; do
    name=${pair%:*}
    if [ ! -e "$images/$name.tar" ]; then
        [ $name = big ] || echo "note: no test/$pair: root could not make $name.tar"
        continue
    fi
    oci_new "$work/$name" '{"Cmd":["bash"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}' "$images/$name.tar"
    push "$work/$name" "test/$pair"
    rm -rf "${work:?}/$name"
done

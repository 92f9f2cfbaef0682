#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# A new volume gets what the image has at its place.
# also: single-uid
load common
load volume

setup() {
    common_setup
    volume_image vi
}

# The owner that the image's 1000:1001 has inside: nobody else exists with a single uid.
owner() {
    if [ "$(rctr run --rm --network none "$@" vi stat -c %u:%g /data)" = 1000:1001 ]; then
        echo 1000:1001
    else
        echo 0:0
    fi
}

look() { # OPTIONS...: what a container sees below /data
    rctr run --rm --network none "$@" vi sh -c 'cd /data && for f in . file hard link sub sub/script; do
        echo "$f $(stat -c "%a %u:%g %h" $f)"; done; cat file sub/script; readlink link'
}

is_filled() { # OPTIONS...: it shows what the image has there
    local in_image
    in_image=$(look --userns host)
    has "$in_image" "sub/script"
    is "$(look "$@")" "$in_image"
}

@test "a new named volume is filled, once, with owners, modes and links" {
    is_filled -v x:/data
    is "$(rctr run --rm --network none -v x:/data vi sh -c 'stat -c "%a %h" /data /data/hard /data/sub; cat /data/sub/script; readlink /data/link')" "750 3
644 2
711 2
two
file"
    rctr run --rm --network none -v x:/data vi sh -c 'rm /data/link && echo mine >/data/file'
    is "$(rctr run --rm --network none -v x:/data vi sh -c 'cat /data/file; ls /data | tr "\n" " "')" "mine
file hard sub "
    is "$(rctr volume inspect -f '{{.NeedsCopyUp}}' x)" false
}

fills() {
    is_filled -v "v-$RCTR_STORAGE_DRIVER:/data"
}

@test "each driver fills a volume" {
    each_driver fills
}

@test "volume create leaves a volume that is filled by its first container" {
    rctr volume create x
    is "$(rctr volume inspect -f '{{.NeedsCopyUp}}' x)" true
    is_filled -v x:/data
}

@test "anonymous volumes are filled too, and so are the image's own" {
    is_filled -v /data
    volume_image own '{"Volumes":{"/data/":{}}}'
    is "$(rctr run --rm --network none own sh -c 'cat /data/file; mount | grep -c " /data "')" "one
1"
    is "$(rctr volume ls -q)" ""
}

@test "nocopy leaves the volume empty but for its owner; a later container may fill it" {
    local o
    o=$(owner)
    is "$(rctr run --rm --network none -v x:/data:nocopy vi sh -c 'ls -A /data; stat -c "%a %u:%g" /data')" "750 $o"
    is_filled -v x:/data
}

@test "a volume with something in it is left as it is" {
    rctr volume create x
    echo host >"$(rctr volume inspect -f '{{.Mountpoint}}' x)/file"
    is "$(rctr run --rm --network none -v x:/data vi sh -c 'ls /data; cat /data/file')" "file
host"
}

@test "the mode of an empty folder comes along" {
    is "$(rctr run --rm --network none -v x:/empty vi stat -c %a /empty)" 1777
    is "$(rctr run --rm --network none -v x:/other vi stat -c %a /other)" 1777
}

@test "where the image has nothing, the container's user can write" {
    is "$(rctr run --rm --network none -v x:/nothing vi stat -c '%a %u:%g' /nothing)" "755 0:0"
    [ "$(owner)" = 1000:1001 ] || skip "a single uid"
    is "$(rctr run --rm --network none -u 1000:1001 -v y:/nothing vi sh -c 'touch /nothing/x && stat -c "%u:%g" /nothing')" 1000:1001
}

@test "a place that is a link in the image is followed inside of it" {
    rctr run --name c --network none vi sh -c 'ln -s /data /way' # in another container: no effect
    is "$(rctr run --rm --network none -v x:/data/sub vi cat /data/sub/script)" two
}

@test "a container that is there already keeps its folder when another one fills the volume" {
    rctr run -d --name first --network none -v x:/mine:nocopy vi sleep 1000
    is_filled -v x:/data
    is "$(rctr exec first cat /mine/file)" one
    rctr rm -f first
}

@test "containers that start at once with one new volume all see it filled" {
    for i in 1 2 3 4 5 6; do
        rctr run --rm --network none -v x:/data -v y:/empty vi cat /data/file >"out$i" &
    done
    wait
    is "$(sort out* | uniq -c | tr -s ' ')" " 6 one"
}

@test "a copy that was killed is begun again" {
    rctr volume create x
    mkdir "$RCTR_STATE/volumes/x/copy"
    echo half >"$RCTR_STATE/volumes/x/copy/file"
    echo rest >"$RCTR_STATE/volumes/x/copy/rest"
    is_filled -v x:/data
    [ ! -e "$RCTR_STATE/volumes/x/copy" ]
    is "$(rctr run --rm --network none -v x:/data vi ls /data | grep -c rest)" 0
}

@test "other user maps see the image's owners" {
    grep -q "^$(id -un):" /etc/subuid || skip "a single uid"
    is "$(rctr run --rm --network none --userns keep-id -v k:/data vi stat -c '%u:%g' /data/file)" \
        "$(rctr run --rm --network none --userns keep-id vi stat -c '%u:%g' /data/file)"
    is "$(rctr run --rm --network none --userns nomap -v n:/data vi sh -c 'stat -c "%u:%g %a" /data /data/file; touch /data/new')" "1000:1001 750
1000:1001 644"
    is "$(rctr run --rm --network none --userns nomap -v m:/nothing vi sh -c 'touch /nothing/x; stat -c %u /nothing')" 0
}

@test "U gives what is mounted to the container's user" {
    grep -q "^$(id -un):" /etc/subuid || skip "a single uid"
    mkdir -p tree/sub
    echo x >tree/sub/f
    is "$(rctr run --rm --network none -u 1000:1001 -v x:/data:U vi sh -c 'stat -c %u:%g /data /data/sub/script' | sort -u)" 1000:1001
    is "$(rctr run --rm --network none -u 7:8 -v x:/data:U vi sh -c 'stat -c %u:%g /data /data/sub/script' | sort -u)" 7:8
    is "$(rctr run --rm --network none -u 7:8 -v ./tree:/t:U vi sh -c 'stat -c %u:%g /t /t/sub /t/sub/f' | sort -u)" 7:8
    rctr unshare rm -r tree
}

holes() {
    rctr run --rm --network none -v "h-$RCTR_STORAGE_DRIVER:/data" hole sh -c 'stat -c %s /data/hole; dd if=/data/hole bs=1 skip=200000000 count=4 2>/dev/null' >out
    is "$(cat out)" "300000000
word"
    [ "$(rctr unshare du -ks "$RCTR_STATE/volumes" | cut -f 1)" -lt 8192 ]
    rctr create --name "c-$RCTR_STORAGE_DRIVER" --network none --image-volume ignore hole true >/dev/null
    [ "$(rctr unshare du -ks "$RCTR_STATE/containers" | cut -f 1)" -lt 16384 ]
}

@test "a file of an image that has no blocks has none in a volume, nor in a container of its own" {
    mkdir -p top/data && truncate -s 300000000 top/data/hole
    printf word | dd of=top/data/hole bs=1 seek=200000000 conv=notrunc 2>/dev/null
    "$TOP/packaging/images/busybox.sh" busybox.tar
    mkdir base && tar -C base -xf busybox.tar
    cp "$(oci_layer base 0)" 1.tar.gz && gunzip 1.tar.gz
    tar -C top -S --format=gnu --owner=0 --group=0 -cf 2.tar data
    oci_new oci '{}' 1.tar 2.tar
    jq '.manifests[0].annotations["org.opencontainers.image.ref.name"] = "hole"' oci/index.json >index.json
    mv index.json oci/index.json
    tar -C oci -cf hole.tar . && rctr load -q -i hole.tar
    each_driver holes
}

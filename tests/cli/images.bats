#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# load, image ls, tag, untag, rm, exists: names and what they stand for.
# also: single-uid
load common
load image

@test "an empty store lists nothing but the heading" {
    is "$(rctr images)" "REPOSITORY   TAG   IMAGE ID   CREATED   SIZE"
    is "$(rctr images --noheading)" ""
    is "$(rctr images -q)" ""
    is "$(rctr images --format json)" "[]"
}

@test "load tells the name and ls shows it" {
    image_archive a.tar quay.io/x/tool:v1 hello
    is "$(rctr load -i a.tar)" "Loaded image: quay.io/x/tool:v1"
    is "$(rctr load <a.tar)" "Loaded image: quay.io/x/tool:v1"
    is "$(rctr images --format '{{.Repository}} {{.Tag}} {{.Size}}')" "quay.io/x/tool v1 6 B"
    is "$(rctr image ls --noheading | wc -l)" 1
    is "$(rctr image list -q)" "$(rctr images --format '{{.ID}}')"
    is "$(rctr images -q --no-trunc)" "$(rctr inspect --format '{{.Id}}' quay.io/x/tool:v1)"
}

@test "a compressed archive is loaded" {
    image_archive a.tar tool hello
    gzip a.tar
    is "$(rctr load -i a.tar.gz)" "Loaded image: localhost/tool:latest"
}

@test "what is no OCI archive is refused and names nothing" {
    echo hello >text
    fails_with 125 "archive: " rctr load -i text
    tar -cf other.tar text
    fails_with 125 "it is not an OCI archive: it has no file oci-layout" rctr load -i other.tar
    fails_with 125 "cannot open 'nothing'" rctr load -i nothing
    image_archive a.tar tool hello
    truncate -s 5000 a.tar
    fails_with 125 "archive: " rctr load -i a.tar
    is "$(rctr images -q)" ""
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "an image has many names, each with a line" {
    image_load tool hello
    rctr tag tool other:2 quay.io/x/tool:v1
    is "$(rctr images --sort repository --format '{{.Repository}}:{{.Tag}}')" \
        "localhost/other:2
localhost/tool:latest
quay.io/x/tool:v1"
    is "$(rctr images -q | wc -l)" 1
    is "$(rctr images --format '{{len .Names}}' | sort -u)" 3
    is "$(rctr images --format json | jq length)" 1
}

@test "ls takes a pattern and filters" {
    image_load tool one '{"Labels":{"stage":"test","x":""}}'
    image_load quay.io/x/tool:v1 two
    image_load other three
    is "$(rctr images other --format '{{.Repository}}')" localhost/other
    is "$(rctr images tool --format '{{.Repository}}' | sort)" "localhost/tool
quay.io/x/tool"
    is "$(rctr images -f 'reference=quay.io/*' --format '{{.Repository}}')" quay.io/x/tool
    is "$(rctr images -f label=stage=test --format '{{.Repository}}')" localhost/tool
    is "$(rctr images -f label=x --format '{{index .Labels "stage"}}')" test
    is "$(rctr images -q -f label=stage=other)" ""
    is "$(rctr images -q -f dangling=true)" ""
    fails_with 125 "invalid filter 'danglign=true'; did you mean 'dangling=…'?" rctr images -f danglign=true
    fails_with 125 "nix: image not known" rctr images -f before=nix
}

@test "templates: table, json, fields, and mistakes that name the nearest field" {
    image_load tool hello
    is "$(rctr images --format 'table {{.Repository}} {{.Tag}}')" "REPOSITORY       TAG
localhost/tool   latest"
    is "$(rctr images --format '{{json .Names}}')" '["localhost/tool:latest"]'
    is "$(rctr images --format json | jq -r '.[0].RepoTags[0]')" localhost/tool:latest
    fails_with 125 'there is no field "Repo"; did you mean "Repository"?' rctr images --format '{{.Repo}}'
    rctr rmi tool
    fails_with 125 'there is no field "Repo"' rctr images --format '{{.Repo}}'
    fails_with 125 "does not end with }}" rctr images --format '{{.ID'
    fails_with 125 "unknown column 'siz'; did you mean 'size'?" rctr images --sort siz
}

@test "no line ends with blanks" {
    image_load tool hello
    ! rctr images | grep -q ' $'
}

@test "rmi takes a name first, and the image with its last name" {
    image_load tool hello
    rctr tag tool other
    is "$(rctr rmi other)" "Untagged: localhost/other:latest"
    id=$(rctr images -q --no-trunc)
    is "$(rctr rmi tool)" "Untagged: localhost/tool:latest
Deleted: $id"
    is "$(rctr images -q)" ""
    is "$(find "$RCTR_STATE/blobs" "$RCTR_STATE/layers" -mindepth 1 ! -name sha256)" ""
}

@test "rmi by id: one name is enough, several want force" {
    image_load tool hello
    rctr tag tool other
    id=$(rctr images -q)
    fails_with 125 "more than one tag" rctr rmi "$id"
    has "$(rctr rmi -f "$id")" "Deleted: sha256:$id"
    is "$(rctr images -q)" ""
    image_load tool hello
    rctr rmi "${id:0:5}"
    is "$(rctr images -q)" ""
}

@test "rmi of what is missing: status 1, or nothing with --ignore; the others are removed" {
    image_load tool hello
    fails_with 1 "nix: image not known" rctr rmi nix
    fails_with 1 "nix: image not known" rctr rmi nix tool
    is "$(rctr images -q)" ""
    run -0 rctr rmi --ignore nix
    has "$(rctr rmi -f nix 2>&1)" "Note: nix: image not known"
    fails_with 125 "name an image" rctr rmi
    fails_with 125 "when --all is given" rctr rmi -a x
}

@test "layers that another image needs stay" {
    image_load one same '{"Env":["A=1"]}'
    image_load two same '{"Env":["A=2"]}'
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 1
    rctr rmi one
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 1
    run -0 rctr system check
    rctr rmi -a
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 0
}

@test "an image that a container was made from wants force, which removes the container too" {
    rctr run --name web localhost/busybox true
    rctr run -d --name busy --network none localhost/busybox sleep 1000
    fails_with 2 "is in use by container" rctr rmi busybox
    is "$(rctr image exists busybox && echo there)" there
    image_load tool hello
    rctr create --name other tool true
    has "$(rctr rmi -f busybox)" "Untagged: localhost/busybox:latest"
    is "$(rctr images --format '{{.Repository}}')" localhost/tool
    is "$(rctr ps -a --format '{{.Names}}')" other
    rctr rm other
    rctr rmi tool
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 0
    run -0 rctr system check
}

@test "rmi -f of one name of several takes the name alone, and leaves containers" {
    rctr run --name web localhost/busybox true
    rctr tag busybox other
    is "$(rctr rmi -f other)" "Untagged: localhost/other:latest"
    is "$(rctr ps -a --format '{{.Names}}')" web
    rctr tag busybox other
    has "$(rctr rmi -f "$(rctr images -q)")" "Deleted: "
    is "$(rctr ps -aq)$(rctr images -q)" ""
}

@test "an image whose name went to another is dangling until it is removed" {
    image_load tool one
    id=$(rctr images -q)
    image_load tool two
    is "$(rctr images -f dangling=true --format '{{.Repository}}:{{.Tag}} {{.ID}}')" "<none>:<none> $id"
    rctr image exists "$id"
    rctr tag "$id" back
    is "$(rctr images -q -f dangling=true)" ""
    rctr rmi -a
    is "$(rctr images -a)" "REPOSITORY   TAG   IMAGE ID   CREATED   SIZE"
}

@test "untag takes names and leaves the image" {
    image_load tool hello
    id=$(rctr images -q)
    rctr tag tool other
    rctr untag tool localhost/tool
    is "$(rctr images --format '{{.Repository}}')" localhost/other
    rctr untag other
    is "$(rctr images --format '{{.Repository}} {{.ID}}')" "<none> $id"
    fails_with 125 "nix: image not known" rctr untag nix
    image_load one one
    image_load two two
    fails_with 125 "it is the name of another image" rctr untag one two
}

@test "tag refuses what is no name and writes nothing then" {
    image_load tool hello
    fails_with 125 "repository name must be lowercase" rctr tag tool good Bad
    fails_with 125 "nix: image not known" rctr tag nix good
    is "$(rctr images --format '{{.Repository}}')" localhost/tool
}

@test "image exists answers by its status alone" {
    image_load tool hello
    run -0 rctr image exists tool
    is "$output" ""
    run -1 rctr image exists nix
    is "$output" ""
    run -0 rctr image exists "$(rctr images -q)"
}

@test "a short name finds an image whose name ends so" {
    image_load quay.io/x/tool:v1 hello
    run -0 rctr image exists tool:v1
    run -0 rctr image exists x/tool:v1
    run -1 rctr image exists ool:v1
}

@test "many at once: the same archive is loaded and removed without harm" {
    image_archive a.tar tool hello
    for _ in 1 2 3 4 5 6 7 8; do
        (rctr load -q -i a.tar && rctr image exists tool) &
    done
    wait
    run -0 rctr system check
    for _ in 1 2 3 4 5 6 7 8; do
        (rctr load -q -i a.tar; rctr rmi --ignore tool) >/dev/null 2>&1 &
    done
    wait
    run -0 rctr system check
    rctr rmi --ignore tool
    is "$(ls "$RCTR_STATE/layers" "$RCTR_STATE/tmp" | grep -c '^[0-9a-f]')" 0
}

@test "the state folder of another user, or one open to others, is refused" {
    chmod 777 "$BATS_TEST_TMPDIR"
    mkdir open && chmod 777 open
    RCTR_STATE=$PWD/open fails_with 125 "other users can write to the state folder" rctr images
    RCTR_STATE=/ fails_with 125 "belongs to user" rctr images
    mkdir -m 700 other && touch other/letter
    RCTR_STATE=$PWD/other fails_with 125 "is not a state folder of rctr" rctr images
    mkdir -m 700 newer && echo 2 >newer/version
    RCTR_STATE=$PWD/newer fails_with 125 "has version 2, this rctr knows 1" rctr images
}

@test "info names the driver, the map and the store" {
    run -0 rctr info
    has "$output" "graphRoot: $RCTR_STATE"
    has "$output" "graphDriverName: "
    has "$output" "cgroupVersion: "
    is "$(rctr info --format '{{.store.imageStore.number}}')" 0
    is "$(rctr info --format json | jq -r .store.graphRoot)" "$RCTR_STATE"
    is "$(RCTR_STORAGE_DRIVER=copy rctr info --format '{{.store.graphDriverName}}')" copy
    is "$(RCTR_SINGLE_UID=1 rctr info --format '{{.host.idMappings.single}}')" true
}

@test "--tree shows each image once, with its platforms below it" {
    image_load tool hello
    rctr tag tool tool:2
    rctr manifest create list tool >/dev/null
    rctr images --tree >tree
    is "$(grep -c "^└─ linux/$(rctr image inspect -f '{{.Architecture}}' tool) " tree)" 2
    is "$(grep -c '^localhost/tool' tree)" 2
    grep -A1 '^localhost/list:latest' tree | grep -q "$(rctr images -q tool:2)"
    is "$(rctr images --tree --noheading nosuch)" ""
    fails_with 125 "--tree has a form of its own" rctr images --tree --quiet
}

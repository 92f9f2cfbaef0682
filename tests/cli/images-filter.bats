#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# images --filter, --sort, -a and --digests: which lines there are, and in which order.
# also: single-uid
load common
load image

# Three images, of three days and three sizes.
three() {
    OCI_MORE='{"created":"2024-05-01T00:00:00Z"}' image_load old a '{"Labels":{"stage":"test"}}'
    OCI_MORE='{"created":"2024-05-02T00:00:00Z"}' image_load quay.io/x/middle:v1 middle
    OCI_MORE='{"created":"2024-05-03T00:00:00Z"}' image_load new wordy
}

names() {
    rctr images --format '{{.Repository}}' "$@" | sed 's,.*/,,' | tr '\n' ' '
}

@test "by time: before, since, after, until" {
    three
    is "$(names -f before=middle:v1)" "old "
    is "$(names -f since=middle:v1)" "new "
    is "$(names -f after=old)" "new middle "
    is "$(names -f before=new -f since=old)" "middle "
    is "$(names -f before=new -f before=middle:v1)" "old "
    is "$(names -f until=2024-05-02T00:00:01Z)" "middle old "
    is "$(names -f until=24h)" "new middle old "
    is "$(names -f until=2024-05-01T00:00:00Z)" ""
    fails_with 125 "filter 'until=tomorow'" rctr images -f until=tomorow
    image_load timeless x
    fails_with 125 "image timeless does not say when it was created" rctr images -f since=timeless
}

@test "by what it is: label!, id, dangling, containers, readonly" {
    three
    is "$(names -f 'label!=stage')" "new middle "
    is "$(names -f 'label!=stage=prod')" "new middle old "
    is "$(names -f id="$(rctr images -q middle:v1)")" "middle "
    is "$(names -f id="$(rctr images -q --no-trunc new)")" "new "
    is "$(names -f id=zzz)" ""
    is "$(names -f readonly=true)" ""
    is "$(names -f readonly=false -f dangling=false)" "new middle old "
    rctr create --name web localhost/busybox true
    is "$(names -f containers=true)" "busybox "
    is "$(names -f containers=false)" "new middle old "
    is "$(rctr images --format '{{.Containers}}' busybox)" 1
    is "$(rctr images --format json busybox | jq -c '.[0]|[.Containers,.ReadOnly,.Size==.VirtualSize]')" "[1,false,true]"
}

@test "an image without a name that others stand on is shown with -a only" {
    image_stack base '{}' one
    id=$(rctr images -q)
    image_stack tool '{}' one two
    rctr untag base
    is "$(names)" "tool "
    is "$(rctr images -aq | sort)" "$(rctr images -q --filter intermediate=true --filter dangling=true; rctr images -q)"
    is "$(rctr images -q -f intermediate=true)" "$id"
    is "$(rctr images -q -f dangling=true)" "$id"
    rctr rmi tool
    is "$(rctr images -q)" "$id"
}

@test "sorted by each column" {
    three
    is "$(names)" "new middle old "
    is "$(names --sort size)" "old new middle "
    is "$(names --sort repository)" "new old middle "
    is "$(names --sort tag)" "new old middle "
    is "$(rctr images --sort id -q)" "$(rctr images -q | sort)"
    fails_with 125 "unknown column 'repo'" rctr images --sort repo
}

@test "--digests shows the manifest's, -n leaves the heading out" {
    image_load tool hello
    digest=$(rctr image inspect --format '{{.Digest}}' tool)
    has "$(rctr images --digests)" "DIGEST"
    has "$(rctr images --digests -n)" " $digest "
    is "$(rctr images -n --digests | wc -l)" 1
}

@test "a filter that is none is named with the nearest one" {
    fails_with 125 "did you mean 'until=…'?" rctr images -f untill=1h
    fails_with 125 "did you mean 'intermediate=…'?" rctr images -f intermediat=true
    fails_with 125 "(known: reference=PATTERN, id=PREFIX" rctr images -f zzzzzzz=1
    fails_with 125 "true or false is wanted" rctr images -f readonly=perhaps
    fails_with 125 "true or false is wanted" rctr images -f containers=
}

#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# image diff A B: what A added, changed and lacks, seen from B.
# also: single-uid
load common
load image

@test "an image seen from another: added, changed, removed, through all layers" {
    image_stack base '{}' one two
    image_stack tool '{}' one three four
    is "$(rctr image diff tool base)" "C /layer-1
A /layer-1/three
D /layer-1/two
A /layer-2
A /layer-2/four"
    is "$(rctr image diff base tool)" "C /layer-1
D /layer-1/three
A /layer-1/two
D /layer-2"
    is "$(rctr image diff tool tool)" ""
    is "$(rctr diff --format json tool base | jq -c .deleted)" '["/layer-1/two"]'
    is "$(RCTR_STORAGE_DRIVER=copy rctr image diff tool base | head -3 | tail -1)" "D /layer-1/two"
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "what cannot be compared is told" {
    image_stack tool '{}' one
    fails_with 125 "nix: image not known" rctr image diff tool nix
    fails_with 125 "a container is compared with its own image" rctr diff nix tool
    fails_with 125 "contradict each other" rctr diff -l tool tool
    is "$(ls "$RCTR_STATE/tmp")" ""
}

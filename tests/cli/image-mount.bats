#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# image mount, image unmount: the files of an image, inside of unshare.
load common
load image

@test "the files of all layers are there, can be read and not written" {
    image_stack tool '{}' one two
    rctr unshare true || skip "no user namespaces here"
    is "$(rctr unshare sh -c 'cd $(rctr image mount tool) && cat layer-0/one layer-1/two')" "one
two"
    is "$(rctr unshare sh -c 'cd $(rctr image mount tool) && touch x 2>/dev/null || echo refused')" refused
    image_load single hello
    is "$(rctr unshare sh -c 'cat $(rctr image mount single)/word')" hello
    run -0 rctr system check
}

@test "what is mounted is listed and can be unmounted" {
    image_stack tool '{}' one two
    image_load other hello
    id=$(rctr images -q --no-trunc tool)
    id=${id#sha256:}
    run -0 rctr unshare sh -c 'rctr image mount tool >/dev/null; rctr image mount tool >/dev/null; rctr image mount; rctr image mount --format json | jq -r ".[].id"'
    is "${lines[0]%% *}" "$id"
    is "${lines[1]}" "$id"
    is "${#lines[@]}" 2
    is "$(rctr unshare sh -c 'rctr image mount tool >/dev/null; rctr image unmount tool; rctr image mount')" "$id"
    is "$(rctr unshare sh -c 'rctr image mount --all | wc -l; rctr image umount --all | wc -l; rctr image mount')" "2
2"
    is "$(rctr unshare rctr image mount)" ""
}

@test "a mount that is used stays, unless forced" {
    image_load tool hello
    is "$(rctr unshare sh -c 'cd $(rctr image mount tool); rctr image unmount tool 2>/dev/null || echo busy; rctr image unmount -f tool >/dev/null && echo gone')" "busy
gone"
}

@test "what cannot be mounted is told" {
    image_load tool hello
    fails_with 125 "begin with: rctr unshare" rctr image mount tool
    fails_with 125 "begin with: rctr unshare" rctr image unmount tool
    fails_with 125 "nix: image not known" rctr unshare rctr image mount nix
    fails_with 125 "is not mounted here" rctr unshare rctr image unmount tool
    fails_with 125 "no image may be named" rctr unshare rctr image mount -a tool
    fails_with 125 "name an image, or give --all" rctr unshare rctr image unmount
    fails_with 125 "is 'json'" rctr unshare rctr image mount --format yaml tool
}

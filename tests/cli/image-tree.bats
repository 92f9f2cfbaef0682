#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# image tree: layers, who shares them, and what stands on them.
# also: single-uid
load common
load image

@test "each layer has its size and the other images that have it" {
    image_stack base '{}' one
    image_stack tool '{}' one three
    run -0 rctr image tree tool
    has "${lines[0]}" "Image ID: $(rctr images -q tool)"
    is "${lines[1]}" "Tags:     [localhost/tool:latest]"
    is "${lines[2]}" "Size:     10 B"
    is "${lines[3]}" "Image Layers"
    has "${lines[4]}" "├── ID: "
    has "${lines[4]}" "Size: 4 B Shared with: [localhost/base:latest]"
    has "${lines[5]}" "└── ID: "
    has "${lines[5]}" "Size: 6 B Top Layer of: [localhost/tool:latest]"
    is "${#lines[@]}" 6
    run -0 rctr image tree base
    has "${lines[4]}" "Size: 4 B Top Layer of: [localhost/base:latest] Shared with: [localhost/tool:latest]"
}

@test "--whatrequires shows what stands on an image, branch by branch" {
    image_stack base '{}' one
    image_stack left '{}' one left
    image_stack leftmost '{}' one left more
    image_stack right '{}' one right
    image_stack apart '{}' apart
    run -0 rctr image tree --whatrequires base
    is "${#lines[@]}" 7
    has "$output" "[localhost/left:latest]"
    has "$output" "─ ID: "
    is "$(grep -c '^├── ID\|^└── ID' <<<"$output")" 2
    is "$(grep -c '^[│ ]   └── .*\[localhost/leftmost:latest\]' <<<"$output")" 1
    [[ $output != *apart* ]]
    run -0 rctr image tree --whatrequires leftmost
    is "${#lines[@]}" 4
}

@test "an image that is not there is told" {
    fails_with 125 "nix: image not known" rctr image tree nix
}

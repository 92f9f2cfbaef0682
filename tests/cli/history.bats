#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# history: the steps that made an image.
# also: single-uid
load common
load image

STEPS='{"history":[
  {"created":"2024-05-06T07:08:09Z","created_by":"ADD the first file and many words behind it","comment":"base"},
  {"created":"2024-05-06T07:09:00Z","created_by":"ENV A=1","empty_layer":true},
  {"created":"2024-05-06T07:10:00.5Z","created_by":"RUN /bin/sh -c something that is longer than the column is wide"}]}'

@test "each step has a line, the newest first; one that changed no file has no size" {
    OCI_MORE=$STEPS image_stack tool '{}' one three
    id=$(rctr images -q tool)
    is "$(rctr history --format '{{.ID}}|{{.CreatedBy}}|{{.Size}}|{{.Comment}}' tool)" \
        "$id|RUN /bin/sh -c something that is longer th...|6 B|
<missing>|ENV A=1|0 B|
<missing>|ADD the first file and many words behind it|4 B|base"
    is "$(rctr image history tool | head -1 | tr -s ' ')" "ID CREATED CREATED BY SIZE COMMENT"
    is "$(rctr history tool | wc -l)" 4
    is "$(rctr history -q tool)" "$id
<missing>
<missing>"
}

@test "--no-trunc shows whole ids and commands, --human=false bytes and dates" {
    OCI_MORE=$STEPS image_stack tool '{}' one three
    is "$(rctr history --no-trunc --format '{{.ID}} {{.CreatedBy}}' tool | head -1)" \
        "$(rctr images -q --no-trunc tool) RUN /bin/sh -c something that is longer than the column is wide"
    is "$(rctr history --human=false --format '{{.Size}} {{.Created}}' tool)" "6 2024-05-06T07:10:00.5Z
0 2024-05-06T07:09:00Z
4 2024-05-06T07:08:09Z"
    has "$(rctr history -H tool)" "years ago"
}

@test "JSON has a member for each step, and the tags with the newest" {
    OCI_MORE=$STEPS image_stack tool '{}' one three
    rctr tag tool other:2
    rctr history --format json tool >json
    is "$(jq -c 'map(.size)' json)" "[6,0,4]"
    is "$(jq -c '.[0].tags|sort' json)" '["localhost/other:2","localhost/tool:latest"]'
    is "$(jq -c '.[1].tags' json)" "[]"
    is "$(jq -r '.[2].CreatedBy' json)" "ADD the first file and many words behind it"
}

@test "an image without a history, or with too little of it, shows all its layers" {
    image_stack bare '{}' one three
    is "$(rctr history --format '{{.CreatedBy}}{{.Size}}' bare)" "6 B
4 B"
    OCI_MORE='{"history":[{"created_by":"ADD one"}]}' image_stack short '{}' one three
    is "$(rctr history --format '{{.CreatedBy}} {{.Size}}' short)" " 6 B
ADD one 4 B"
    OCI_MORE='{"history":[{"created_by":"a"},{"created_by":"b"},{"created_by":"c"}]}' image_stack long '{}' one
    is "$(rctr history --format '{{.CreatedBy}} {{.Size}}' long)" "c 0 B
b 0 B
a 4 B"
}

@test "what cannot be shown is told" {
    image_load tool hello
    fails_with 125 "nix: image not known" rctr history nix
    fails_with 125 "'maybe' is neither true nor false" rctr history --human=maybe tool
    fails_with 125 'there is no field "Creatd"; did you mean "Created"?' rctr history --format '{{.Creatd}}' tool
}

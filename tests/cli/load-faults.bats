#!/usr/bin/env bats
# rctr load and pull of archives and folders that are cut, escape, lie, or claim layers that they do
# not have (tests/tools/bad-archives.py; save-load.bats has docker's): status 125, the reason in
# words, nothing left in the store.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load fake

setup_file() {
    export BAD=$BATS_FILE_TMPDIR/bad
    mkdir "$BAD"
    python3 "$BATS_TEST_DIRNAME/../tools/bad-archives.py" "$BAD"
}

# refused FILE WORDS COMMAND...
refused() {
    local file=$1 words=$2
    shift 2
    echo "case: $file"
    fails_with 125 "$words" timeout 60 "$@"
    run ! grep -q $'\033' stderr
    store_is_empty
    [ "$(tail -n 1 stderr | wc -c)" -gt 20 ] # a reason
}

@test "the archive that is right is loaded, from a file, a pipe and a folder" {
    rctr load -q -i "$BAD/good.tar"
    rctr load -q <"$BAD/good.tar"
    mkdir good
    tar -C good -xf "$BAD/good.tar"
    rctr load -q -i good
    is "$(rctr images -q | wc -l)" 1
}

@test "archives: load from a file" {
    local file words
    while IFS=$'\t' read -r file words; do
        [[ $file == *.tar ]] || continue
        refused "$file" "$words" rctr load -i "$BAD/$file"
    done <"$BAD/list"
}

@test "archives: load from a pipe" {
    local file words
    while IFS=$'\t' read -r file words; do
        [[ $file == *.tar ]] || continue
        refused "$file" "$words" bash -c 'cat "$0" | rctr load' "$BAD/$file"
    done <"$BAD/list"
}

@test "archives: pull" {
    local file words
    while IFS=$'\t' read -r file words; do
        [[ $file == *.tar ]] || continue
        refused "$file" "$words" rctr pull -q "oci-archive:$BAD/$file"
    done <"$BAD/list"
}

@test "archives that are cut at every 512 bytes, and at any" {
    local size at
    size=$(stat -c %s "$BAD/good.tar")
    for ((at = 0; at < size - 10240; at += 512)); do
        head -c $at "$BAD/good.tar" >cut.tar
        refused "cut at $at" "" rctr load -q -i cut.tar
        head -c $((at + 217)) "$BAD/good.tar" >cut.tar
        refused "cut at $((at + 217))" "" rctr load -q -i cut.tar
    done
}

@test "folders" {
    local file words
    while IFS=$'\t' read -r file words; do
        [[ $file == *.dir ]] || continue
        refused "$file" "$words" rctr load -i "$BAD/$file"
        refused "$file" "$words" rctr pull -q "oci:$BAD/$file"
    done <"$BAD/list"
}

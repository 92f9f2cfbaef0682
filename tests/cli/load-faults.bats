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

# cut_all FILE END: whatever ends before the byte END is refused
cut_all() {
    local at
    for ((at = 0; at < $2; at += 512)); do
        head -c $at "$1" >cut.tar
        refused "cut at $at" "" rctr load -q -i cut.tar
        head -c $((at + 217)) "$1" >cut.tar
        refused "cut at $((at + 217))" "" rctr load -q -i cut.tar
    done
}

@test "archives that are cut at every 512 bytes, and at any" {
    # the last file's last block is needed; the zeros behind it are not
    cut_all "$BAD/good.tar" $(($(stat -c %s "$BAD/good.tar") - 10240))
}

@test "docker's archives that are cut" {
    (
        export RCTR_STATE=$BATS_TEST_TMPDIR/whole
        rctr load -q -i "$BAD/good.tar"
        rctr save -o docker.tar tool
        common_teardown
    )
    cd "$BATS_TEST_TMPDIR"
    end=$(tar -tRf docker.tar | awk '/Block of NULs/ { print $2 + 0 }')
    [ "$end" -gt 0 ]
    cut_all docker.tar $((end * 512))
}

@test "image copy takes nothing of them either" {
    local file words
    while IFS=$'\t' read -r file words; do
        case $file in
        # nothing is unpacked, and what is no image may be copied too
        lying-diff-id.tar | layer-escapes.tar | layer-count.tar | unknown-compression.tar | helm.tar) continue ;;
        foreign-missing.tar | index-size.tar) continue ;; # it stays foreign; the new index says the right size
        *.tar) from=oci-archive:$BAD/$file ;;
        *.dir) from=oci:$BAD/$file ;;
        esac
        echo "case: $file"
        fails_with 125 "" timeout 60 rctr image copy -q "$from" dir:out
        [ ! -e out/manifest.json ]
        run ! grep -q $'\033' stderr
        rm -rf out
    done <"$BAD/list"
    [ ! -e "$RCTR_STATE" ] || store_is_empty
}

@test "folders" {
    local file words
    while IFS=$'\t' read -r file words; do
        [[ $file == *.dir ]] || continue
        refused "$file" "$words" rctr load -i "$BAD/$file"
        refused "$file" "$words" rctr pull -q "oci:$BAD/$file"
    done <"$BAD/list"
}

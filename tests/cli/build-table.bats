#!/usr/bin/env bats
# rctr build: the table of tests/data/build. Trees and configurations are those that buildah makes, and
# where a case has a file "why", those that the Dockerfile reference describes.
load common
# shellcheck source=tests/cli/build-table.bash
. "$TOP/tests/cli/build-table.bash"

setup() {
    common_setup
    has_range || skip "the owners of files need a range of users"
    cases=$TOP/tests/data/build
}

# build CASE: as the image localhost/table/CASE
build() {
    local args=() context=$BATS_TEST_TMPDIR/ctx/$1
    table_context "$cases/$1" "$context"
    [ ! -e "$cases/$1/args" ] || read -ra args <"$cases/$1/args"
    (cd "$context" && rctr build -q --network none --format docker "${args[@]}" -t "localhost/table/$1" .) >"$BATS_TEST_TMPDIR/log" 2>&1
}

# table PATTERN...: all cases with such names, in one store
table() {
    local pattern case bad=0 status built=()
    for pattern; do
        for case in "$cases"/$pattern; do
            case=${case##*/}
            status=0
            build "$case" || status=$?
            if [ -e "$cases/$case/error" ]; then
                [ $status -ne 0 ] && grep -qF -e "$(cat "$cases/$case/error")" "$BATS_TEST_TMPDIR/log" && continue
                echo "$case: wanted an error with '$(cat "$cases/$case/error")', got status $status: $(cat "$BATS_TEST_TMPDIR/log")"
                bad=1
            elif [ $status -ne 0 ]; then
                echo "$case: $(cat "$BATS_TEST_TMPDIR/log")"
                bad=1
            else
                built+=("localhost/table/$case")
            fi
        done
    done
    rctr pull -q localhost/busybox >/dev/null
    rctr save -q -m -o all.tar localhost/busybox "${built[@]}"
    "$TOP/tests/tools/build-table.py" check all.tar "$cases" || bad=1
    chmod -R u+rwx ctx
    [ $bad = 0 ]
}

@test "FROM and stages" {
    table 'from*'
}

@test "COPY: destinations and folders" {
    table 'copy-file*' 'copy-to*' 'copy-folder*' 'copy-below*' 'copy-setgid*' 'copy-everything*' 'copy-two*' 'copy-source*' 'copy-one*' 'copy-twice*' 'copy-then*' 'copy-destination*' 'copy-dockerfile*'
}

@test "COPY: patterns, JSON and odd names" {
    table 'copy-glob*' 'copy-json*' 'copy-name*' 'copy-case*' 'copy-unknown*'
}

@test "COPY: modes, kinds and links" {
    table 'copy-deep*' 'copy-many*' 'copy-empty*' 'copy-mode*' 'copy-fifo*' 'copy-hard*' 'copy-link*' 'copy-through*' 'copy-socket*' 'copy-unreadable*'
}

@test "COPY: owners, modes and variables asked for" {
    table 'copy-chown*' 'copy-user*' 'copy-chmod*' 'copy-env*'
}

@test "COPY: from stages and images, here-documents, --parents, --exclude" {
    table 'copy-from*' 'copy-heredoc*' 'copy-parents*' 'copy-exclude*'
}

@test "COPY with fuse-overlayfs" {
    export RCTR_STORAGE_DRIVER=fuse-overlayfs
    table 'copy-from*' 'copy-many*'
}

@test "COPY with the copy driver" {
    export RCTR_STORAGE_DRIVER=copy
    table 'copy-from*' 'copy-many*'
}

@test "ignore files" {
    table 'ignore*'
}

@test "ADD" {
    table 'add*'
}

@test "RUN" {
    table 'run*'
}

@test "ENV and ARG" {
    table 'env*' 'arg*'
}

@test "configuration" {
    table 'label*' 'expose*' 'volume*' 'user*' 'workdir*' 'cmd*' 'entrypoint*' 'healthcheck*' 'stopsignal*' 'shell*' 'maintainer*'
}

@test "ONBUILD" {
    table 'onbuild*'
}

@test "the file's own rules" {
    table 'file*'
}

@test "whole builds" {
    table 'real*'
}

@test "a second build of the same is the same image, all from the cache" {
    for case in real-application real-layers-of-changes onbuild-several-stages copy-from-links; do
        table_context "$cases/$case" "ctx/$case"
        first=$(cd "ctx/$case" && rctr build -q --network none .)
        is "$(cd "ctx/$case" && rctr build -q --network none .)" "$first"
        has "$(cd "ctx/$case" && rctr build --network none . 2>&1)" "Using cache"
    done
}

@test "an owner that the user has no id for is an error that says so" {
    printf 'FROM localhost/busybox\nCOPY --chown=3000000000 Dockerfile /x\n' >Dockerfile
    status=0
    rctr build . 2>stderr || status=$?
    is $status 125
    has "$(cat stderr)" "no such subordinate id (see /etc/subuid"
}

@test "every case of the table is in one of these tests" {
    patterns=$(sed -n 's/^    table //p' "$BATS_TEST_FILENAME" | tr -d "'" | tr ' ' '\n')
    set -f
    for case in $(ls "$cases"); do
        found=0
        for pattern in $patterns; do
            # shellcheck disable=SC2053 # it is a pattern
            [[ $case != $pattern ]] || found=1
        done
        [ $found = 1 ] || { echo "$case is in no test"; return 1; }
        [ -e "$cases/$case/error" ] || [ -e "$cases/$case/tree" ] || { echo "$case has no tree"; return 1; }
    done
    [ "$(ls "$cases" | wc -l)" -ge 150 ]
}

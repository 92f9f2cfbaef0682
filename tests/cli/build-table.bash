# build-table.bash - the cases of tests/data/build, for tests/cli/build-table.bats and
# tests/tools/build-table.sh. Of a case: Dockerfile; make (a shell script, run in the context, that adds to
# the files below); args (options of build); error (words of the failure, where it must fail); tree and
# config (what buildah makes of it: tests/tools/build-table.sh writes them); why (they are not buildah's,
# for this reason).
# shellcheck shell=bash

# table_context CASE FOLDER: make the build context. Its Dockerfile is in it.
table_context() {
    umask 022
    mkdir -p "$2/dir/sub"
    echo a >"$2/a"
    echo b >"$2/b"
    echo c >"$2/dir/c"
    echo d >"$2/dir/sub/d"
    cp "$1/Dockerfile" "$2/Dockerfile"
    [ ! -e "$1/make" ] || (cd "$2" && PATH=/usr/bin:/bin LC_ALL=C.UTF-8 sh -eu "$(realpath "$1/make")")
}

#!/usr/bin/env bats
# rctr build: contexts that are no folders, and --build-context.
# also: single-uid
load common

setup() {
    . "$BATS_TEST_DIRNAME/serve.bash"
    common_setup
    unset GIT_DIR GIT_CONFIG_GLOBAL
    mkdir -p ctx/sub
    printf 'FROM localhost/busybox\nCOPY . /all/\n' >ctx/Dockerfile
    printf 'FROM localhost/busybox\nCOPY . /below/\n' >ctx/sub/Containerfile
    echo one >ctx/file
    chmod 750 ctx/sub
    ln -s file ctx/link
    echo secret >ctx/left-out
    echo left-out >ctx/.dockerignore
}

teardown() {
    serve_stop
    [ -z "${DAEMON:-}" ] || kill "$DAEMON" 2>/dev/null || true
    common_teardown
}

inside() { # IMAGE SHELL-LINE
    rctr run --rm --network none "$1" sh -c "$2"
}

nothing_left() {
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "an archive is the same context as the folder, however it is compressed, as a file and on standard input" {
    for program in bzip2 xz zstd; do need_command $program; done
    want=$(rctr build -q ctx)
    tar -C ctx -cf plain .
    for program in gzip bzip2 xz zstd; do $program -q -c plain >$program.packed; done
    for archive in plain *.packed; do
        echo "$archive"
        is "$(rctr build -q "$archive")" "$want"
        is "$(rctr build -q - <"$archive")" "$want"
        is "$(cat "$archive" | rctr build -q -)" "$want"
    done
    is "$(inside "$want" 'cat /all/file; readlink /all/link; stat -c %a /all/sub; ls -A /all')" \
        "$(printf 'one\nfile\n750\n.dockerignore\nDockerfile\nfile\nlink\nsub')"
    nothing_left
}

@test "--file names a Dockerfile of the archive, or standard input" {
    tar -C ctx -cf plain .
    has "$(rctr build -f sub/Containerfile plain)" "COPY . /below/"
    has "$(printf 'FROM localhost/busybox\nCOPY file /\nRUN cat /file\n' | rctr build -f - plain)" "one"
    fails_with 125 "cannot open 'absent' of the build context" rctr build -f absent plain
    fails_with 125 "standard input cannot be both" rctr build -f - - <plain
    ln -s /etc/hostname ctx/outside
    tar -C ctx -cf plain .
    fails_with 125 "cannot open 'outside'" rctr build -f outside plain
    nothing_left
}

@test "a Dockerfile alone on standard input has no context" {
    has "$(printf 'FROM localhost/busybox\nRUN echo it works\n' | rctr build -)" "it works"
    status=0
    printf 'FROM localhost/busybox\nCOPY a /\n' | rctr build - 2>err || status=$?
    is $status 125
    has "$(cat err)" "this build has no context"
    fails_with 125 "neither a tar archive nor a Dockerfile" rctr build - </dev/null
    head -c 2000 /dev/urandom >noise
    printf '\0\0' >>noise
    fails_with 125 "neither a tar archive nor a Dockerfile" rctr build - <noise
    fails_with 125 "is a Dockerfile itself" rctr build -f x - <ctx/Dockerfile
    nothing_left
}

@test "archives that would escape, or grow beyond measure, are refused, and nothing is left of them" {
    for program in bzip2 xz; do need_command $program; done
    mkdir h
    hostile_tars h
    fails_with 125 "'..' in a name" rctr build h/up
    fails_with 125 "an absolute name" rctr build h/absolute
    fails_with 125 "'l' is not a folder" rctr build h/through
    fails_with 125 "'..' in a name" rctr build h/hard
    fails_with 125 "decompression bomb" rctr build h/bomb-gzip
    fails_with 125 "grows beyond all measure" rctr build h/bomb-xz
    fails_with 125 "grows beyond all measure" rctr build h/bomb-bzip2
    tar -C ctx -c . | xz >whole.xz
    head -c $(($(stat -c %s whole.xz) / 2)) whole.xz >cut.xz
    status=0
    rctr build cut.xz 2>err || status=$?
    is $status 125
    nothing_left
    [ ! -e escaped ] && [ ! -e ../escaped ] && [ ! -e /escaped ]
}

@test "an archive or a Dockerfile from a server" {
    need_command xz
    want=$(rctr build -q ctx)
    mkdir web
    tar -C ctx -c . | xz >web/a.tar.xz
    printf 'FROM localhost/busybox\nRUN echo from afar\n' >web/Dockerfile
    serve_start web
    is "$(rctr build -q "$WEB/a.tar.xz")" "$want"
    has "$(rctr build "$WEB/Dockerfile")" "from afar"
    fails_with 125 "status 404" rctr build "$WEB/none"
    nothing_left
}

@test "a git repository: branch, tag, commit, folder; over file, http and git's own protocol" {
    need_command git
    commit=$(a_repository "$PWD/ctx" | tail -n 1)
    echo two >ctx/file
    git -C ctx checkout -q -b other
    git -C ctx -c user.name=t -c user.email=t@example.com commit -qam two
    git -C ctx push -q "$PWD/ctx.git" other
    git -C ctx.git update-server-info
    serve_start "$PWD"
    for base in "file://$PWD/ctx.git" "$WEB/ctx.git"; do
        echo "$base"
        for ref in "" "#main" "#one" "#$commit"; do
            is "$(inside "$(rctr build -q "$base$ref")" 'cat /all/file; ls -A /all | grep -c git')" "$(printf 'one\n0')"
        done
        is "$(inside "$(rctr build -q "$base#other")" 'cat /all/file')" two
        is "$(inside "$(rctr build -q "$base#other:sub")" 'ls /below')" Containerfile
        is "$(inside "$(rctr build -q "$base#:sub")" 'ls /below')" Containerfile
    done
    fails_with 125 "couldn't find remote ref nope" rctr build "file://$PWD/ctx.git#nope"
    fails_with 125 "has no folder 'nope'" rctr build "file://$PWD/ctx.git#main:nope"
    fails_with 125 "is not the address of a git repository" rctr build "file://$PWD/ctx.git#--upload-pack=x"
    fails_with 125 "git: " rctr build "file://$PWD/none.git"
    nothing_left
}

@test "git asks for nothing, runs no hooks, and its absence has words" {
    need_command git
    a_repository "$PWD/ctx" >/dev/null
    mkdir -p template/hooks bin
    printf '#!/bin/sh\ntouch %s/hooked\n' "$PWD" >template/hooks/post-checkout
    chmod 755 template/hooks/post-checkout
    export GIT_TEMPLATE_DIR=$PWD/template
    rctr build -q "file://$PWD/ctx.git"
    [ ! -e hooked ]
    for program in sh newuidmap newgidmap fuse-overlayfs; do
        path=$(command -v $program) && ln -s "$path" bin/
    done
    rctr=$(command -v rctr)
    status=0
    PATH=$PWD/bin "$rctr" build "file://$PWD/ctx.git" 2>err || status=$?
    PATH=/usr/sbin:/usr/bin:/sbin:/bin
    is $status 125
    has "$(cat err)" "there is no program 'git' here"
}

@test "--build-context: folders, archives, images, layouts; for FROM, COPY --from and mounts" {
    need_command skopeo
    mkdir more
    echo more >more/m
    echo "left" >more/left
    echo left >more/.dockerignore
    tar -C more -cf more.tar .
    printf 'FROM localhost/busybox\nRUN echo of the layout >/of\n' | rctr build -q -t of-layout - >/dev/null
    rctr save --format oci-dir -o layout of-layout 2>/dev/null || { rctr save --format oci-archive -o l.tar of-layout; mkdir -p layout; tar -C layout -xf l.tar; }
    cat >Dockerfile <<'E'
FROM base
COPY --from=folder m /1
COPY --from=archive . /2/
COPY --from=layout /of /3
RUN --mount=type=bind,from=folder,target=/mnt cat /mnt/m >/4; ls /mnt >/5
E
    image=$(rctr build -q -f Dockerfile --build-context base=docker-image://localhost/busybox --build-context folder=more \
        --build-context archive=more.tar --build-context "layout=oci-layout://$PWD/layout" ctx)
    is "$(inside "$image" 'cat /1 /2/m /3 /4; ls /2; cat /5')" "$(printf 'more\nmore\nof the layout\nmore\nm\nm')"
    # before a stage of that name
    printf 'FROM localhost/busybox AS folder\nRUN false\nFROM localhost/busybox\nCOPY --from=folder m /\n' >Dockerfile
    rctr build -q -f Dockerfile ctx >/dev/null 2>&1 && return 1
    image=$(printf 'FROM folder\nCOPY --from=folder /bin/true /t\n' | rctr build -q -f - --build-context folder=docker-image://localhost/busybox ctx)
    is "$(inside "$image" 'ls /t')" /t
    fails_with 125 "it is NAME=VALUE" rctr build --build-context x ctx
    fails_with 125 "cannot open the build context 'absent'" rctr build --build-context x=absent ctx
    printf 'FROM folder\n' >Dockerfile
    rctr build -f Dockerfile --build-context folder=more ctx >/dev/null 2>words && return 1
    has "$(cat words)" "is a context of files, which is no image"
    rm words
    nothing_left
}

@test "devices of an archive are left out, with a note" {
    python3 - <<'P'
import tarfile, io
t = tarfile.open("dev.tar", "w")
i = tarfile.TarInfo("null"); i.type = tarfile.CHRTYPE; i.devmajor = 1; i.devminor = 3; t.addfile(i)
text = b"FROM localhost/busybox\nCOPY . /x/\n"
i = tarfile.TarInfo("Dockerfile"); i.size = len(text); t.addfile(i, io.BytesIO(text))
P
    image=$(rctr build -q dev.tar 2>err)
    has "$(cat err)" "1 device of the build context left out"
    is "$(inside "$image" 'ls /x')" Dockerfile
}

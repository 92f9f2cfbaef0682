#!/usr/bin/env bats
# rctr build: ADD of archives, addresses and git repositories; --link.
# also: single-uid
load common

setup() {
    . "$BATS_TEST_DIRNAME/serve.bash"
    common_setup
    unset GIT_DIR GIT_CONFIG_GLOBAL
    mkdir -p src/d ctx
    echo one >src/f
    echo two >src/d/g
    chmod 640 src/f
    ln -s f src/l
    ln src/f src/h
}

teardown() {
    serve_stop
    common_teardown
}

# build [OPTION...]: the Dockerfile of standard input with the folder ctx; the image's id is in $image
build() {
    cat >Dockerfile
    image=$(rctr build -q -f Dockerfile "$@" ctx 2>"$BATS_TEST_TMPDIR/stderr") || {
        cat "$BATS_TEST_TMPDIR/stderr"
        return 1
    }
}

# refused WORDS: the Dockerfile of standard input
refused() {
    cat >Dockerfile
    status=0
    rctr build -f Dockerfile ctx >out 2>err || status=$?
    is $status 125
    has "$(grep '^Error' err)" "$1"
}

inside() { # SHELL-LINE
    rctr run --rm --network none "$image" sh -c "$1"
}

nothing_left() {
    is "$(ls "$RCTR_STATE/tmp")" ""
}

archives() {
    for program in gzip bzip2 xz zstd; do tar -C src --owner=7 --group=8 -c . | $program -q -c >ctx/$program; done
    tar -C src --owner=7 --group=8 -cf ctx/plain .
    gzip -c src/f >ctx/no-archive.gz
}

unpacks() {
    local owner=0:0
    ! has_range || owner=5:6 # a single uid can give nothing away
    build <<X
FROM localhost/busybox
ADD plain /plain
ADD gzip /gzip/
ADD bzip2 xz zstd no-archive.gz /several/
ADD --chown=$owner plain /owned
ADD --unpack=false plain /whole/
ADD *n /pattern
X
    for folder in plain gzip several owned pattern; do
        is "$(inside "cd /$folder && cat f d/g h; readlink l; stat -c '%a %h' f; ls -d d f h l")" \
            "$(printf 'one\ntwo\none\nf\n640 2\nd\nf\nh\nl')"
    done
    is "$(inside 'ls /whole; ls /several/no*')" "$(printf 'plain\n/several/no-archive.gz')"
    if has_range; then
        is "$(inside 'stat -c %u:%g /plain/f /several/d /owned/f /several/no-archive.gz')" "$(printf '7:8\n7:8\n7:8\n0:0')"
    fi
}

@test "archives of the context are unpacked by content, with their owners" {
    for program in bzip2 xz zstd; do need_command $program; done
    archives
    each_driver unpacks
    nothing_left
}

@test "unpacked over what is there: links of the image count and lead nowhere else" {
    mkdir -p t/lib
    echo lib >t/lib/new
    echo file >t/was-folder
    tar -C t -cf ctx/a lib/new was-folder
    build <<'X'
FROM localhost/busybox
RUN mkdir -p /usr/more /was-folder/x /place && ln -s /usr/more /lib && ln -s /place /link
ADD a /
ADD a /link
X
    is "$(inside 'readlink /lib; cat /usr/more/new /was-folder /place/lib/new')" "$(printf '/usr/more\nlib\nfile\nlib')"
}

@test "archives that would escape, or grow beyond measure, are refused, and nothing is left of them" {
    for program in bzip2 xz; do need_command $program; done
    hostile_tars ctx
    for pair in "up|'..' in a name" "absolute|an absolute name" "through|cannot enter the folder 'l'" "hard|'..' in a name" \
        "bomb-gzip|decompression bomb" "bomb-xz|grows beyond all measure" "bomb-bzip2|grows beyond all measure"; do
        echo "$pair"
        printf 'FROM localhost/busybox\nADD %s /x\n' "${pair%|*}" | refused "${pair#*|}"
    done
    nothing_left
    [ ! -e escaped ] && [ ! -e /escaped ]
}

@test "addresses: name, mode and time; --checksum; Content-Disposition; what fails" {
    touch -d '2001-02-03 04:05:06 UTC' src/f
    serve_start "$PWD/src"
    sum=$(sha256sum <src/f | cut -d' ' -f1)
    build <<X
FROM localhost/busybox
ADD $WEB/f /1/
ADD $WEB/f?x=y /2
ADD --chmod=755 --chown=0:0 --checksum=sha256:$sum $WEB/f /3/
ADD $WEB/?name=given /4/
ADD $WEB/f $WEB/d/g /5/
X
    is "$(inside 'cat /1/f /2 /3/f; ls /4 /5; stat -c "%a %Y" /1/f; stat -c %a /3/f')" \
        "$(printf 'one\none\none\n/4:\ngiven\n\n/5:\nf\ng\n600 981173106\n755')"
    printf 'FROM localhost/busybox\nADD --checksum=sha256:%064d %s/f /\n' 0 "$WEB" | refused "its checksum is sha256:$sum"
    printf 'FROM localhost/busybox\nADD %s/none /\n' "$WEB" | refused "status 404"
    printf 'FROM localhost/busybox\nADD %s/f?status=403 /\n' "$WEB" | refused "status 403"
    printf 'FROM localhost/busybox\nADD %s/d/ /\n' "$WEB" | refused "gives the file a name"
    nothing_left
}

@test "addresses are in the cache by what arrives; with --checksum nothing is asked for" {
    serve_start "$PWD/src"
    sum=$(sha256sum <src/f | cut -d' ' -f1)
    printf 'FROM localhost/busybox\nADD --checksum=sha256:%s %s/f /\nRUN cat /proc/sys/kernel/random/uuid >/when\n' "$sum" "$WEB" >Dockerfile
    first=$(rctr build -q -f Dockerfile ctx)
    : >"$SERVED"
    is "$(rctr build -q -f Dockerfile ctx)" "$first"
    is "$(cat "$SERVED")" ""
    sed -i 's/--checksum=[^ ]* //' Dockerfile
    first=$(rctr build -q -f Dockerfile ctx)
    is "$(rctr build -q -f Dockerfile ctx)" "$first"
    has "$(cat "$SERVED")" "GET /f"
    echo other >src/f
    [ "$(rctr build -q -f Dockerfile ctx)" != "$first" ]
}

@test "--unpack of an address" {
    mkdir web
    tar -C src -czf web/web.tar.gz .
    serve_start "$PWD/web"
    build <<X
FROM localhost/busybox
ADD $WEB/web.tar.gz /1/
ADD --unpack=true $WEB/web.tar.gz /2/
X
    is "$(inside 'ls /1; cat /2/f')" "$(printf 'web.tar.gz\none')"
}

@test "git repositories: ref, folder, --keep-git-dir, --checksum, --exclude" {
    need_command git
    commit=$(a_repository "$PWD/src" | tail -n 1)
    serve_start "$PWD"
    build <<X
FROM localhost/busybox
ADD $WEB/src.git /1
ADD --exclude=l --exclude=h $WEB/src.git#one /2
ADD $WEB/src.git#main:d /3
ADD --keep-git-dir=true --checksum=${commit:0:12} $WEB/src.git /4
ADD $WEB/src.git#$commit /5
X
    is "$(inside 'ls -A /1; ls -A /2 /3; ls -A /4 | grep git; cat /5/f')" \
        "$(printf 'd\nf\nh\nl\n/2:\nd\nf\n\n/3:\ng\n.git\none')"
    printf 'FROM localhost/busybox\nADD %s/src.git#%s /5\n' "$WEB" "$commit" >Dockerfile
    rctr build -q -f Dockerfile ctx
    : >"$SERVED"
    rctr build -q -f Dockerfile ctx
    is "$(cat "$SERVED")" ""
    printf 'FROM localhost/busybox\nADD --checksum=0000000 %s/src.git /\n' "$WEB" | refused "was asked for"
    printf 'FROM localhost/busybox\nADD %s/src.git#none /\n' "$WEB" | refused "git: "
    nothing_left
}

@test "mixed sources: files, here-documents, archives and addresses together" {
    tar -C src -cf ctx/a .
    echo plain >ctx/p
    serve_start "$PWD/src"
    build <<X
FROM localhost/busybox
ADD p a $WEB/d/g <<T /all/
text
T
X
    is "$(inside 'cd /all && cat p f g T; ls')" "$(printf 'plain\none\ntwo\ntext\nT\nd\nf\ng\nh\nl\np')"
}

@test "--link: the same layer on any image, and what is below does not count" {
    layers() { rctr image inspect "$1" | jq -r '.[0].RootFS.Layers[-1]'; }
    echo linked >ctx/file
    build <<'X'
FROM localhost/busybox
RUN mkdir /to && ln -s /to /link && echo 'someone:x:0:0::/:' >>/etc/passwd
COPY --link --chown=someone file /link/
ADD --link file /deep/er/
X
    first=$image
    is "$(inside 'cat /link/file /deep/er/file; ls /to; [ -L /link ] || echo a folder')" "$(printf 'linked\nlinked\na folder')"
    build <<'X'
FROM localhost/busybox
RUN echo something else >/else
ADD --link file /deep/er/
X
    is "$(layers "$image")" "$(layers "$first")"
    printf 'FROM localhost/busybox\nRUN echo third >/third\nADD --link file /deep/er/\n' >Dockerfile
    has "$(rctr build -f Dockerfile ctx)" "Using cache"
    printf 'FROM scratch\nCOPY --link file /only\n' >Dockerfile
    rctr build -q -f Dockerfile ctx
    has "$(rctr system check)" "no problems"
    nothing_left
}

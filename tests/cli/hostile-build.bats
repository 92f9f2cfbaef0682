#!/usr/bin/env bats
# rctr build against Dockerfiles, contexts and programs that mean harm.
load common

setup() {
    common_setup
    mkdir "$BATS_TEST_TMPDIR/ctx"
    cd "$BATS_TEST_TMPDIR/ctx"
    mkdir "$BATS_TEST_TMPDIR/canary"
    echo secret >"$BATS_TEST_TMPDIR/canary/file"
}

build() { # [OPTION...] with the Dockerfile as standard input
    cat >"$BATS_TEST_TMPDIR/Dockerfile"
    timeout 60 rctr build -f "$BATS_TEST_TMPDIR/Dockerfile" "$@" . >"$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log"; return 1; }
}

# refused COMMAND...: it fails, and not because the time is over ("! command" alone fails no test)
refused() {
    local status=0
    timeout 20 "$@" >"$BATS_TEST_TMPDIR/refused" 2>&1 || status=$?
    [ "$status" -ne 0 ] && [ "$status" -ne 124 ] || { echo "status $status: $*"; cat "$BATS_TEST_TMPDIR/refused"; return 1; }
}

# absent COMMAND...: it finds nothing
absent() {
    if "$@"; then return 1; fi
}

shows() { # IMAGE SHELL-LINE
    rctr run --rm --network none "$1" sh -c "$2"
}

# In a folder that a program names like a whiteout's mark nothing of below may go: here and after a round trip the image is one.
marks() {
    build -t marks <<'X'
FROM localhost/busybox
RUN mkdir -p /d/e && echo 1 >/d/one && echo 2 >/d/e/two
RUN touch /d/.wh.one /d/.wh..wh..opq /d/e/.wh..wh.plnk /d/e/.wh. /d/.wh.. 2>/dev/null; mknod /d/dev c 0 0 2>/dev/null; echo 3 >/d/three; true
RUN echo "$(cat /d/one /d/e/two /d/three)" >/seen; true
X
    shows marks 'find /d | sort; cat /seen' >here
    rctr save -o marks.tar marks
    rctr rmi -f marks >/dev/null
    rctr builder prune -af >/dev/null
    rctr load -i marks.tar >/dev/null
    shows marks 'find /d | sort; cat /seen' >there
    cat here
    diff here there
    has "$(rctr system check)" "no problems"
}

@test "names like whiteouts that a program makes say the same here and elsewhere, with each driver" {
    each_driver marks
}

xattrs() {
    command -v setfattr >/dev/null || skip "setfattr is missing"
    cp "$(command -v setfattr)" . ; ldd setfattr | grep -o '/[^ ]*' | xargs -I{} cp -L {} .
    build -t xattrs <<'X'
FROM localhost/busybox
COPY . /x/
RUN mkdir -p /d/e && echo 1 >/d/one && echo 2 >/d/e/two
RUN cd /x && s() { ./ld-linux-x86-64.so.2 --library-path /x ./setfattr "$@"; }; mkdir /d/new; \
  s -n user.kept -v 1 /d/one; for f in /d /d/new /d/one; do for k in opaque redirect metacopy origin whiteout; do s -n user.overlay.$k -v y $f; s -n user.fuseoverlayfs.$k -v y $f; done; done; true
RUN cat /d/one /d/e/two >/seen
X
    is "$(shows xattrs 'cat /seen /d/one /d/e/two')" "$(printf '1\n2\n1\n2')"
    rctr save -o "$BATS_TEST_TMPDIR/x.tar" xattrs
    mkdir -p "$BATS_TEST_TMPDIR/un"; tar -C "$BATS_TEST_TMPDIR/un" -xf "$BATS_TEST_TMPDIR/x.tar"
    absent grep -raE 'user\.(overlay|fuseoverlayfs)\.' --include='*.tar' "$BATS_TEST_TMPDIR/un"
    rm -rf "$BATS_TEST_TMPDIR/un" "$BATS_TEST_TMPDIR/x.tar"
}

@test "the attributes of overlays that a program sets reach no layer and hide nothing, with each driver" {
    each_driver xattrs
}

@test "a program's children do not outlive its step, even those that hold its output" {
    build -t left <<'X'
FROM localhost/busybox
RUN (trap '' TERM HUP; setsid sh -c 'sleep 987 & exec sleep 987' &) ; (while :; do echo x >>/racing; done) & sleep 0.1
X
    absent pgrep -u "$(id -u)" -f 'sleep 987$'
    has "$(rctr system check)" "no problems"
}

@test "-o type=local writes nothing outside the folder, whatever links the image holds" {
    printf 'FROM scratch\nCOPY a /out/file\nCOPY b /\n' >Dockerfile
    mkdir dest b; echo new >a
    ln -s "$BATS_TEST_TMPDIR/canary" dest/out
    ln -s "$BATS_TEST_TMPDIR/canary" b/abs
    ln -s ../../canary b/up
    ln -s / b/root
    rctr build -o dest . || true
    printf 'FROM scratch\nCOPY a /abs/file\nCOPY a /up/file\nCOPY a /new/file\n' >Dockerfile
    rctr build -o dest . || true
    is "$(cat "$BATS_TEST_TMPDIR/canary/file")" secret
    is "$(ls -A "$BATS_TEST_TMPDIR/canary")" file
}

@test "COPY does not leave the context through links, FIFOs do not hang it" {
    mkdir sub
    ln -s "$BATS_TEST_TMPDIR/canary" abs; ln -s ../canary up; ln -s /proc/self/root/etc magic; ln -s /etc/passwd sub/p
    for from in abs/file up/file magic/passwd sub/p; do
        printf 'FROM scratch\nCOPY %s /got\n' "$from" >"$BATS_TEST_TMPDIR/D"
        refused rctr build -t l -f "$BATS_TEST_TMPDIR/D" .
    done
    rm -f abs up magic sub/p log; mkfifo sub/pipe
    timeout 20 rctr build -t l -f - . <<<$'FROM localhost/busybox\nCOPY . /c/\nRUN test -p /c/sub/pipe'
}

@test "COPY --from with links, and destinations that are links, stay inside the image" {
    build -t inside <<'X'
FROM localhost/busybox AS a
RUN ln -s /proc/self/root /r; ln -s ../../../../../../../etc/hostname /h; ln -s /proc/1/root/etc /m; mkdir /lots; i=0; while [ $i -lt 50 ]; do ln -s /lots/$((i+1)) /lots/$i; i=$((i+1)); done
FROM localhost/busybox
RUN ln -s ../../../../../../../tmp/rctr-break-out /up; ln -s /proc/self/cwd /cwd; ln -s /proc/1/root/tmp /mroot
COPY --from=a /bin/busybox /up/x
RUN test -f /tmp/rctr-break-out/x
X
    [ ! -e /tmp/rctr-break-out ]
    for d in /r/etc/passwd /m/passwd /lots/0; do
        refused rctr build -t no -f - . <<X
FROM localhost/busybox AS a
RUN ln -s /proc/self/root /r; ln -s /proc/1/root/etc /m; mkdir /lots; ln -s /lots/0 /lots/0
FROM localhost/busybox
COPY --from=a $d /got
X
    done
}

@test "--chown by names of a hostile passwd file says what is wrong and does not hang" {
    echo 1 >f
    refused rctr build -t no -f - . <<<$'FROM localhost/busybox\nRUN rm /etc/passwd; mkfifo /etc/passwd\nCOPY --chown=bob f /f'
    refused rctr build -t no -f - . <<<$'FROM localhost/busybox\nRUN ln -sf /proc/self/environ /etc/passwd; ln -sf /etc/group /etc/group\nCOPY --chown=bob:bob f /f'
    refused rctr build -t no -f - . <<<$'FROM localhost/busybox\nCOPY --chown=4294967295 f /f'
    refused rctr build -t no -f - . <<<$'FROM localhost/busybox\nCOPY --chown=-1 f /f'
}

@test "prune, rmi and system prune in a loop beside builds take nothing that a build stands on" {
    printf 'FROM localhost/busybox\nRUN echo $RANDOM >/a\nRUN test -s /a && echo 2 >/b\nRUN test -s /b && echo 3 >/c\n' >Dockerfile
    (while [ ! -e "$BATS_TEST_TMPDIR/stop" ]; do
        rctr builder prune -af; rctr rmi -f p1 p2; rctr system prune -f
    done) >/dev/null 2>&1 &
    loop=$!
    bad=0
    for i in 1 2 3 4 5 6 7 8; do
        timeout 60 rctr build --build-arg "n=$i" -t p1 . >log1 2>&1 & one=$!
        timeout 60 rctr build -t p2 . >log2 2>&1 || { cat log2; bad=1; }
        wait $one || { cat log1; bad=1; }
    done
    touch "$BATS_TEST_TMPDIR/stop"; wait $loop || true
    is "$bad" 0
    has "$(rctr system check)" "no problems"
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "forged and damaged records of the cache are no step's result" {
    printf 'FROM localhost/busybox\nRUN echo 1 >/a\nRUN cat /a >/b\n' >Dockerfile
    rctr build -q -t c .
    for text in '' 'sha256:../../x 1 1' "sha256:$(printf '%064d' 0) 1 1" '- -1 1' "$(head -c 1000 /dev/zero | tr '\0' x)"; do
        for f in "$RCTR_STATE"/cache/build/*; do printf '%s\n' "$text" >"$f"; done
        timeout 60 rctr build -q -t c . >/dev/null
        is "$(shows c 'cat /b')" 1
    done
    for f in "$RCTR_STATE"/cache/build/*; do rm "$f"; mkfifo "$f"; done
    timeout 60 rctr build -q -t c . >/dev/null
    is "$(shows c 'cat /b')" 1
}

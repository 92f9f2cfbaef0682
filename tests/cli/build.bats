#!/usr/bin/env bats
# rctr build: Dockerfiles become images.
# also: single-uid
load common

setup() {
    common_setup
    mkdir "$BATS_TEST_TMPDIR/ctx"
    cd "$BATS_TEST_TMPDIR/ctx"
}

# build [OPTION...]: the Dockerfile of standard input, with the folder at hand; its output is shown when it fails
build() {
    cat >"$BATS_TEST_TMPDIR/Dockerfile"
    rctr build -f "$BATS_TEST_TMPDIR/Dockerfile" "$@" . >"$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log"; return 1; }
}

shows() { # IMAGE SHELL-LINE
    rctr run --rm --network none "$1" sh -c "$2"
}

steps() {
    echo one >a.txt; mkdir -p sub/deep; echo two >sub/deep/b; ln -sf a.txt link; chmod 750 sub
    build -t steps <<'X'
FROM localhost/busybox AS first
RUN echo made >/made && rm /etc/passwd && mkdir -p /d && chmod 1777 /d
WORKDIR /work/dir
COPY . .
COPY a.txt /named
COPY --chmod=640 a.txt sub/deep/b /several/
FROM localhost/busybox
COPY --from=first /work /w
COPY --from=first /made /several /flat/
ENV A=b
CMD ["sh", "-c", "echo $A"]
X
    is "$(rctr run --rm --network none steps)" b
    is "$(shows steps 'cat /w/dir/a.txt /w/dir/sub/deep/b /flat/made /flat/b')" "$(printf 'one\ntwo\nmade\ntwo')"
    is "$(shows steps 'readlink /w/dir/link; stat -c %a /w/dir/sub /flat/a.txt')" "$(printf 'a.txt\n750\n640')"
}

@test "files and programs' changes arrive in the image, with each driver" {
    each_driver steps
    has "$(rctr system check)" "no problems"
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "what has not changed is not done again, and the image is the same one" {
    echo 1 >file
    printf 'FROM localhost/busybox\nRUN cat /proc/sys/kernel/random/uuid >/when\nCOPY file /\nRUN cat /proc/sys/kernel/random/uuid >/later\nCMD ["x"]\n' >Dockerfile
    first=$(rctr build -q .)
    is "$(rctr build -q .)" "$first"
    touch file
    is "$(rctr build -q .)" "$first"
    before=$(shows "$first" 'cat /when')
    later=$(shows "$first" 'cat /later')
    echo 2 >file
    second=$(rctr build -q .)
    is "$(shows "$second" 'cat /when')" "$before"
    [ "$(shows "$second" 'cat /later')" != "$later" ]
    third=$(rctr build -q --no-cache .)
    [ "$(shows "$third" 'cat /when')" != "$before" ]
}

@test "a failing step ends with its status and shows its line; what was done before is kept" {
    printf 'FROM localhost/busybox\nRUN true\nRUN echo words >&2; exit 7\n' >Dockerfile
    status=0
    rctr build . >/dev/null 2>"$BATS_TEST_TMPDIR/stderr" || status=$?
    is $status 7
    has "$(cat "$BATS_TEST_TMPDIR/stderr")" "Dockerfile:3:"
    has "$(cat "$BATS_TEST_TMPDIR/stderr")" "exit status 7"
    has "$(cat "$BATS_TEST_TMPDIR/stderr")" "words"
    is "$(ls "$RCTR_STATE/tmp")" ""
    printf 'FROM localhost/busybox\nRUN true\nRUN exit 0\n' >Dockerfile
    has "$(rctr build .)" "Using cache"
}

@test "a layer made here can be saved, loaded again and pushed: its archive is the same each time" {
    build -t made <<'X'
FROM localhost/busybox
RUN mkdir -p /a/b && echo x >/a/b/c && ln /a/b/c /hard && ln -s b/c /a/soft && rm -rf /var && mkdir /var && rm /etc/passwd
X
    rctr save -o "$BATS_TEST_TMPDIR/made.tar" --format oci-archive made
    id=$(rctr image inspect -f '{{.Id}}' made)
    rctr rmi -f made >/dev/null
    rctr load -q -i "$BATS_TEST_TMPDIR/made.tar"
    is "$(rctr image inspect -f '{{.Id}}' made)" "$id"
    is "$(shows made 'cat /a/soft /hard; ls -A /var; test -e /etc/passwd || echo gone')" "$(printf 'x\nx\ngone')"
}

@test "the same input at the same time is the same image" {
    echo x >f
    printf 'FROM localhost/busybox\nRUN echo hi >/x; mkdir /y\nCOPY f /z/\n' >Dockerfile
    one=$(rctr build -q --no-cache --timestamp 1700000000 .)
    sleep 1
    touch f
    is "$(rctr build -q --no-cache --timestamp 1700000000 .)" "$one"
    is "$(shows "$one" 'stat -c %Y /x /y /z /z/f' | sort -u)" 1700000000
    is "$(SOURCE_DATE_EPOCH=1600000000 rctr build -q --no-cache .)" "$(SOURCE_DATE_EPOCH=1600000000 rctr build -q --no-cache .)"
}

@test "sources that are not there, or outside, are errors with their line" {
    echo secret >../outside
    ln -s ../outside leads-out
    for source in nothing ../outside leads-out 'no*match'; do
        printf 'FROM localhost/busybox\nCOPY %s /x\n' "$source" >Dockerfile
        rctr build . 2>"$BATS_TEST_TMPDIR/err" && return 1
        has "$(cat "$BATS_TEST_TMPDIR/err")" "Dockerfile:2:"
    done
    echo kept >kept; echo left >left; echo left >.dockerignore
    printf 'FROM localhost/busybox\nCOPY . /all/\n' >Dockerfile
    is "$(shows "$(rctr build -q .)" 'ls /all')" "$(printf 'Dockerfile\nkept\nleads-out')"
}

@test "stages that do not need each other are done side by side" {
    mkdir ../meet
    meet='for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do test -e /meet/$OTHER && exit 0; sleep 1; done; exit 1'
    [ "$(nproc)" -gt 1 ] || skip "one core: one stage at a time"
    build -t met -v "$BATS_TEST_TMPDIR/meet:/meet" <<X
FROM localhost/busybox AS left
ENV OTHER=right
RUN touch /meet/left; $meet
FROM localhost/busybox AS right
ENV OTHER=left
RUN touch /meet/right; $meet
FROM localhost/busybox AS unneeded
RUN exit 9
FROM localhost/busybox
COPY --from=left /bin/sh /left
COPY --from=right /bin/sh /right
X
    is "$(shows met 'ls /left /right')" "$(printf '/left\n/right')"
    before=$(rctr image inspect -f '{{.Id}}' met)
    build -t met -v "$BATS_TEST_TMPDIR/meet:/meet" <<<"$(cat "$BATS_TEST_TMPDIR/Dockerfile")"
    is "$(rctr image inspect -f '{{.Id}}' met)" "$before"
}

@test "a failure in one of several stages ends the build with its status, and the others" {
    printf 'FROM localhost/busybox AS a\nRUN sleep 60\nFROM localhost/busybox AS b\nRUN exit 5\nFROM localhost/busybox\nCOPY --from=a / /a\nCOPY --from=b / /b\n' >Dockerfile
    status=0
    rctr build . >/dev/null 2>"$BATS_TEST_TMPDIR/stderr" || status=$?
    is $status 5
    has "$(cat "$BATS_TEST_TMPDIR/stderr")" "Dockerfile:4:"
    is "$(still_running sleep)" ""
}

@test "Ctrl-C leaves no process, no mount and no file of the step at hand" {
    printf 'FROM localhost/busybox\nRUN echo first\nRUN echo begun >&2; sleep 60\n' >Dockerfile
    rctr build . >/dev/null 2>"$BATS_TEST_TMPDIR/stderr" &
    until grep -q begun "$BATS_TEST_TMPDIR/stderr"; do sleep 0.1; done
    kill -TERM $!
    status=0
    wait $! || status=$?
    is $status 143
    is "$(still_running sleep)" ""
    is "$(find "$RCTR_STATE/tmp" -mindepth 2)" ""
    printf 'FROM localhost/busybox\nRUN echo first\nRUN echo second\n' >Dockerfile
    has "$(rctr build .)" "Using cache"
}

@test "--output writes files, archives and images; the store keeps only what has a name" {
    out=$BATS_TEST_TMPDIR/out
    echo hello >f
    printf 'FROM localhost/busybox AS base\nRUN echo x >/x\nFROM scratch\nCOPY --chmod=750 f /d/f\nCOPY --from=base /x /x\n' >Dockerfile
    rctr build -o "$out" . >/dev/null
    is "$(cat "$out/d/f" "$out/x"; stat -c '%a %U' "$out/d/f")" "$(printf 'hello\nx\n750 %s' "$(id -un)")"
    rctr build -o - . 2>/dev/null | tar t >"$BATS_TEST_TMPDIR/list"
    is "$(grep -c . "$BATS_TEST_TMPDIR/list")" 3
    is "$(rctr images -aq)" "$(rctr images -q localhost/busybox)"
    rctr build -t named -o type=oci,dest="$out.oci" -o type=docker,dest="$out.docker" -o type=tar,dest="$out.tar" . >/dev/null
    is "$(tar xOf "$out.tar" d/f)" hello
    id=$(rctr image inspect -f '{{.Id}}' named)
    rctr rmi named >/dev/null
    for archive in oci docker; do
        has "$(rctr load -i "$out.$archive")" named
        is "$(rctr image inspect -f '{{.Id}}' named)" "$id"
        rctr rmi named >/dev/null
    done
    fails_with 125 "type=zip is none of" rctr build -o type=zip,dest=x .
    fails_with 125 "needs a folder" rctr build -o type=local .
    fails_with 125 "give it one with --tag" rctr build --push .
}

@test "--squash makes one layer of the new ones, and removed files stay removed" {
    build -t tall <<'X'
FROM localhost/busybox
RUN echo 1 >/one; echo gone >/gone; rm /etc/passwd; mkdir -p /d/e; echo old >/d/e/f
RUN rm /gone; rm -r /d; mkdir /d; echo new >/d/g
RUN echo 3 >/three
X
    build --squash -t flat <<<"$(cat "$BATS_TEST_TMPDIR/Dockerfile")"
    is "$(rctr image inspect -f '{{len .RootFS.Layers}}' flat)" 2
    looks='ls /d /; cat /one /three /d/g; ls /etc'
    is "$(shows flat "$looks")" "$(shows tall "$looks")"
}

@test "names, digests and annotations of the image are told to files" {
    printf 'FROM localhost/busybox\nARG A\nARG B\nLABEL a=$A b=$B\n' >Dockerfile
    printf '# comment\nA=from file\nB=2\n' >"$BATS_TEST_TMPDIR/args"
    rctr build -q -t x:1 -t y --label c=3 --annotation org.example=note --build-arg-file "$BATS_TEST_TMPDIR/args" --build-arg B=3 \
        --iidfile id --metadata-file meta.json . >printed
    is "$(cat id)" "sha256:$(cat printed)"
    is "$(jq -r '."containerimage.config.digest"' meta.json)" "$(cat id)"
    is "$(jq -r '."image.name"' meta.json)" localhost/x:1,localhost/y:latest
    is "$(rctr image inspect x:1 | jq -c '.[0].Config.Labels')" '{"a":"from file","b":"3","c":"3"}'
    rctr save --format oci-dir -o saved x:1
    is "$(jq -r '.annotations["org.example"]' "saved/blobs/sha256/$(jq -r '.manifests[0].digest | ltrimstr("sha256:")' saved/index.json)")" note
    is "$(rctr image inspect -f '{{.Digest}}' x:1)" "$(jq -r '."containerimage.digest"' meta.json)"
}

row() { # TYPE: total, active and bytes of `system df`
    rctr system df --format '{{.Type}}|{{.Total}}|{{.Active}}|{{.RawSize}}' | grep "^$1|" | cut -d '|' -f 2-
}

@test "the cache of builds is counted, and given back by builder prune and system prune" {
    printf 'FROM localhost/busybox\nRUN head -c 3000000 /dev/urandom >/big\nRUN echo 2 >/two\n' >Dockerfile
    id=$(rctr build -q .)
    is "$(row 'Build Cache' | cut -d '|' -f 1,2)" "2|2"
    has "$(rctr builder prune -f)" "Total reclaimed space: 0 B"
    has "$(rctr build .)" "Using cache"
    rctr rmi -f "$id" >/dev/null
    is "$(row 'Build Cache' | cut -d '|' -f 1,2)" "2|0"
    [ "$(row 'Build Cache' | cut -d '|' -f 3)" -gt 2900000 ]
    du=$(du -s --block-size=1 "$RCTR_STATE" | cut -f 1)
    sum=$(rctr system df --format '{{.RawSize}}' | paste -sd +)
    off=$((100 * (sum - du) / du))
    [ "${off#-}" -le 1 ] || { echo "df says $((sum)), du $du"; return 1; }
    has "$(rctr build .)" "Using cache"
    rctr rmi -f "$id" >/dev/null 2>&1 || true
    rctr image prune -f >/dev/null
    fails_with 125 "invalid filter" rctr builder prune -f --filter label=x
    rctr builder prune -f --filter until=1h
    is "$(row 'Build Cache' | cut -d '|' -f 1)" 2
    rctr system prune -f >/dev/null
    is "$(row 'Build Cache' | cut -d '|' -f 1)" 0
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 1
    has "$(rctr system check)" "no problems"
}

@test "kill -9 at any time: the next build goes on, nothing half-made is kept, and no mount stays" {
    printf 'FROM localhost/busybox\n' >Dockerfile
    for i in 1 2 3 4 5 6; do printf 'RUN head -c 200000 /dev/urandom >/f%s; ls / >/l%s\n' $i $i >>Dockerfile; done
    for i in $(seq 20); do
        rctr build . >/dev/null 2>&1 &
        sleep "0.0$((RANDOM % 90 + 10))"
        kill -9 $! 2>/dev/null || true
        wait $! 2>/dev/null || true
    done
    rctr build -t whole . >/dev/null
    is "$(shows whole 'ls / | grep -c "^[fl][1-6]$"')" 12
    has "$(rctr system check)" "no problems"
    is "$(ls "$RCTR_STATE/tmp")" ""
    is "$(grep -c "$RCTR_STATE" /proc/self/mounts || true)" 0
}

@test "podman's further options: --env, --unsetenv, --from, --squash-all, --omit-history, --jobs, proxies, stages that nobody needs" {
    printf 'FROM nowhere.invalid/x AS base\nRUN echo "$ADDED $http_proxy" >/seen\nENV DROP=1 KEEP=2\nFROM base AS unneeded\nRUN exit 3\nFROM base\nRUN echo 2 >/two\n' >Dockerfile
    id=$(http_proxy=http://proxy:1 rctr build -q --from localhost/busybox --env ADDED=yes --unsetenv DROP --squash-all --omit-history --jobs 1 .)
    is "$(shows "$id" 'cat /seen; echo "$ADDED $DROP $KEEP"')" "$(printf 'yes http://proxy:1\nyes  2')"
    is "$(rctr image inspect -f '{{len .RootFS.Layers}} {{len .History}}' "$id")" "1 0"
    id=$(http_proxy=http://proxy:1 rctr build -q --from localhost/busybox --http-proxy=false --no-cache .)
    is "$(shows "$id" 'cat /seen')" " "
    status=0
    rctr build --from localhost/busybox --skip-unused-stages=false . >/dev/null 2>&1 || status=$?
    is $status 3
    fails_with 125 "rctr keeps no containers of steps" rctr build --rm=false .
    rctr build -q --rm --force-rm --layers --from localhost/busybox . >/dev/null
}

@test "a folder without a Dockerfile, a folder as --file, an empty input: the words say what is wanted" {
    fails_with 125 "has no Containerfile and no Dockerfile (name another file with --file)" rctr build
    mkdir folder
    fails_with 125 "--file: 'folder' is a folder" rctr build -f folder .
    fails_with 125 "the input is empty" rctr load </dev/null
    printf 'FROM scratch\nLABEL a=b\n' >Dockerfile
    id=$(rctr buildx build -q --load -o "$BATS_TEST_TMPDIR/out" .)
    has "$(rctr images -aq --no-trunc)" "$id"
}

@test "a file with holes is copied with them" {
    truncate -s 3G sparse; printf end >>sparse
    printf 'FROM localhost/busybox\nCOPY sparse /sparse\n' >Dockerfile
    id=$(rctr build -q .)
    is "$(shows "$id" 'stat -c %s /sparse; tail -c 3 /sparse')" "$(printf '3221225475\nend')"
    [ "$(du -sm "$RCTR_STATE/layers" | cut -f 1)" -lt 100 ]
}

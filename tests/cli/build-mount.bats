#!/usr/bin/env bats
# rctr build: RUN --mount, scripts, --network.
# also: single-uid
load common

setup() {
    common_setup
    mkdir "$BATS_TEST_TMPDIR/ctx"
    cd "$BATS_TEST_TMPDIR/ctx"
}

# build [OPTION...]: the Dockerfile of standard input, with the folder at hand; its output is in $BATS_TEST_TMPDIR/log
build() {
    cat >"$BATS_TEST_TMPDIR/Dockerfile"
    rctr build -f "$BATS_TEST_TMPDIR/Dockerfile" "$@" . >"$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log"; return 1; }
}

fails() { # WORDS [OPTION...]: the same, and it fails with these words
    local words=$1
    shift
    cat >"$BATS_TEST_TMPDIR/Dockerfile"
    if rctr build -f "$BATS_TEST_TMPDIR/Dockerfile" "$@" . >"$BATS_TEST_TMPDIR/log" 2>&1; then cat "$BATS_TEST_TMPDIR/log"; return 1; fi
    has "$(cat "$BATS_TEST_TMPDIR/log")" "$words"
    is "$(ls "$RCTR_STATE/tmp" 2>/dev/null)" ""
}

shows() { # IMAGE SHELL-LINE
    rctr run --rm --network none "$1" sh -c "$2"
}

# none COMMAND...: it finds nothing ("!" does not end a test)
none() {
    if "$@"; then return 1; fi
}

said() { cat "$BATS_TEST_TMPDIR/log"; }

layers() { # all names in the layers that the last build has made over busybox
    find "$RCTR_STATE/layers" -newer "$BATS_TEST_TMPDIR/begin" -mindepth 3 -path '*/tree/*' -printf '%P\n' | sed 's|^[^/]*/tree/||' | sort -u
}

binds() {
    mkdir -p src/deep skipped; echo one >src/a; echo two >src/deep/b; echo no >src/no.log; echo no >skipped/x; echo yes >skipped/kept
    printf '*.log\n**/*.log\nskipped\n!skipped/kept\n' >.dockerignore
    build --no-cache -t binds <<'D'
FROM localhost/busybox AS first
RUN mkdir -p /deep/er && echo made >/deep/er/file && ln -s er /deep/link
FROM localhost/busybox
WORKDIR /work
RUN --mount=target=/ctx find /ctx -type f | sort >/all; ! touch /ctx/x 2>/dev/null
RUN --mount=source=src,target=sub cat sub/a sub/deep/b >/two && ls sub >/names
RUN --mount=source=src/a,target=/one.txt cat /one.txt >/one
RUN --mount=source=src,target=/rw,rw rm /rw/a && echo new >/rw/n && cat /rw/n >/new && ls /rw >/rwnames
RUN --mount=source=src/a,target=/rwfile,rw echo over >>/rwfile && cat /rwfile >/over
RUN --mount=from=first,target=/first cat /first/deep/er/file >/fromstage && ! touch /first/x 2>/dev/null
RUN --mount=from=first,source=/deep/link,target=/d,rw cat /d/file >>/fromstage && touch /d/x && ls /d >/dnames
RUN --mount=from=first,source=deep/er/file,target=/f cat /f >>/fromstage
RUN --mount=from=localhost/busybox,source=/bin,target=/b /b/busybox true
D
    is "$(shows binds 'cat /all')" "$(printf '/ctx/.dockerignore\n/ctx/skipped/kept\n/ctx/src/a\n/ctx/src/deep/b')"
    is "$(shows binds 'cat /two /one /new /names /rwnames /over')" "$(printf 'one\ntwo\none\nnew\na\ndeep\ndeep\nn\none\nover')"
    is "$(shows binds 'cat /fromstage /dnames')" "$(printf 'made\nmade\nmade\nfile\nx')"
    is "$(cat src/a; ls src)" "$(printf 'one\na\ndeep\nno.log')"
    is "$(ls "$RCTR_STATE/tmp")" ""
    has "$(rctr system check)" "no problems"
}

@test "bind mounts of the context, of stages and of images, with each driver; what is written goes" {
    each_driver binds
}

@test "what a bind mount shows counts for the key, what .dockerignore leaves out does not" {
    echo 1 >seen; echo 1 >ignored; echo ignored >.dockerignore
    printf 'FROM localhost/busybox\nRUN --mount=target=/c cat /c/seen >/r; cat /proc/sys/kernel/random/uuid >/when\n' >Dockerfile
    one=$(rctr build -q .)
    echo 2 >ignored
    is "$(rctr build -q .)" "$one"
    touch seen
    is "$(rctr build -q .)" "$one"
    echo 2 >seen
    two=$(rctr build -q .)
    [ "$one" != "$two" ]
    is "$(shows "$two" 'cat /r')" 2
}

@test "nothing of the places that were mounted on stays in the layers, also where a link leads to them" {
    echo text >file
    build -t base <<'D'
FROM localhost/busybox
RUN mkdir -p /run /var && rm -rf /var/run && ln -s ../run /var/run
D
    touch "$BATS_TEST_TMPDIR/begin"; sleep 0.01
    echo geheim >"$BATS_TEST_TMPDIR/secret"
    build -t placed --secret id=s,src="$BATS_TEST_TMPDIR/secret" <<'D'
FROM localhost/base
RUN --mount=target=/new/place/ctx --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=s --mount=type=secret,id=s,target=/var/run/hidden/s --mount=type=tmpfs,target=/scratch --mount=source=file,target=/opt/one/file cat /run/secrets/s /run/hidden/s /opt/one/file && touch /new/kept /scratch/x /root/.cache/pip/x && echo x >/made
D
    is "$(layers)" "$(printf 'made\nnew\nnew/kept')"
    is "$(shows placed 'ls -A /new; cat /made')" "$(printf 'kept\nx')"
    none grep rctr.place <<<"$(rctr unshare getfattr -Rd "$RCTR_STATE/layers" 2>&1)"
}

@test "a secret is in its step and nowhere else" {
    s=S3cr3t-$$-Wort
    echo "$s" >"$BATS_TEST_TMPDIR/secret"
    export GEHEIM=V4riable-$$
    build -t secretive --secret id=file,src="$BATS_TEST_TMPDIR/secret" --secret id=GEHEIM <<'D'
FROM localhost/busybox
RUN --mount=type=secret,id=file --mount=type=secret,id=GEHEIM,env=TOKEN sha256sum </run/secrets/file >/sum; stat -c '%a %u %g' /run/secrets/file >/st; stat -f -c %T /run/secrets/file >/fs; printf %s "$TOKEN" | sha256sum >>/sum; tr '\0' '\n' </proc/1/environ | grep -c TOKEN >/count; ! touch /run/secrets/file 2>/dev/null
RUN --mount=type=secret,id=file,target=/etc/passwd,mode=0444 wc -c </etc/passwd >/len
RUN test ! -e /run/secrets/file && test -z "$TOKEN" && test -n "$(cat /etc/passwd)"
RUN --mount=type=secret,id=missing test ! -e /run/secrets/missing
D
    is "$(shows secretive 'cat /sum /st /fs /count /len')" \
        "$(echo "$s" | sha256sum; printf %s "$GEHEIM" | sha256sum; echo 400 0 0; echo tmpfs; echo 1; echo "$s" | wc -c)"
    rctr save -o "$BATS_TEST_TMPDIR/saved.tar" secretive
    none rctr unshare grep -rF -e "$s" -e "$GEHEIM" "$RCTR_STATE" "$BATS_TEST_TMPDIR/saved.tar" "$BATS_TEST_TMPDIR/log"
    none grep -F -e "$s" -e "$GEHEIM" <<<"$(rctr image inspect secretive; rctr history --no-trunc secretive)"
    # what it says does not count: only who asks for it
    echo other >"$BATS_TEST_TMPDIR/secret"
    is "$(rctr build -q -f "$BATS_TEST_TMPDIR/Dockerfile" --secret id=file,src="$BATS_TEST_TMPDIR/secret" --secret id=GEHEIM .)" "$(rctr image inspect -f '{{.Id}}' secretive | cut -d: -f2)"
}

@test "a secret belongs to whom it is for" {
    has_range || skip "there is one user only"
    echo x >"$BATS_TEST_TMPDIR/secret"
    build -t owned --secret id=s,src="$BATS_TEST_TMPDIR/secret" <<'D'
FROM localhost/busybox
USER 1000
RUN --mount=type=secret,id=s,uid=1000,gid=1001,mode=0440 cat /run/secrets/s && test "$(stat -c '%a %u %g' /run/secrets/s)" = "440 1000 1001"
RUN --mount=type=secret,id=s ! cat /run/secrets/s
D
}

@test "caches last from build to build, and are not in the image" {
    printf 'FROM localhost/busybox\nARG N\nRUN --mount=type=cache,target=/c echo $N >>/c/all; cat /c/all >/seen\nRUN test ! -e /c/all\n' >Dockerfile
    rctr build -t one --build-arg N=1 . >/dev/null
    rctr build -t two --build-arg N=2 . >/dev/null
    is "$(shows two 'cat /seen')" "$(printf '1\n2')"
    is "$(shows one 'cat /seen')" 1
    # the same id elsewhere, read-only, with an owner and a mode, from an image, with a tmpfs in it
    build -t three <<'D'
FROM localhost/busybox AS from
RUN mkdir /begin && echo begin >/begin/file && echo closed >/begin/closed && chmod 0 /begin/closed && chmod 750 /begin
FROM localhost/busybox
RUN --mount=type=cache,id=/c,target=/other,ro cat /other/all >/again && ! touch /other/x 2>/dev/null
RUN --mount=type=cache,target=/m,mode=0711 stat -c %a /m >>/again
RUN --mount=type=cache,from=from,source=begin,target=/b --mount=type=tmpfs,target=/b/t cat /b/file >>/again; stat -c %u:%g /b/file >>/again; echo more >>/b/file
RUN --mount=type=cache,id=/b,target=/b,from=from,source=begin cat /b/file >>/again
RUN --mount=type=cache,id=x,target=/x1,sharing=locked --mount=type=cache,id=x,target=/x2,sharing=locked echo same >/x1/f && cat /x2/f >>/again
D
    is "$(shows three 'cat /again')" "$(printf '1\n2\n711\nbegin\n0:0\nbegin\nmore\nsame')"
}

@test "a locked cache is one build's at a time, private ones are two" {
    cat >Dockerfile <<'D'
FROM localhost/busybox
ARG N
ARG MODE
RUN --mount=type=cache,target=/c,sharing=locked test ! -e /c/busy && touch /c/busy && sleep 0.3 && rm /c/busy && echo $N >>/c/all
RUN --mount=type=cache,target=/p,sharing=private,id=p test ! -e /p/busy && touch /p/busy && sleep 1 && rm /p/busy
D
    for n in 1 2 3 4; do rctr build -q --build-arg N=$n . >"$BATS_TEST_TMPDIR/out.$n" 2>&1 & pids="${pids:-} $!"; done
    for p in $pids; do wait "$p"; done
    is "$(sort "$RCTR_STATE"/cache/mounts/*/data/all)" "$(seq 4)"
    [ "$(ls -d "$RCTR_STATE"/cache/mounts/*-1 | wc -l)" -ge 1 ]
}

@test "scripts, the network of one RUN, and its limits" {
    build -t scripted <<'D'
FROM localhost/busybox
RUN <<SCRIPT
#!/bin/sh -e
echo $0 >/by
false || echo still >>/by
SCRIPT
RUN <<END
#!/bin/cat
in a file
END
RUN <<END
echo $0 >>/by
END
RUN --network=none ls /sys/class/net | tr '\n' ' ' >>/by
D
    is "$(shows scripted 'cat /by')" "$(printf '/dev/pipes/SCRIPT\nstill\n/bin/sh\nlo ')"
    has "$(said)" "in a file"
    [ "$(rctr history --no-trunc scripted | grep -c 'echo still')" -ge 1 ]
    fails "Dockerfile:2: --network=host: this build may not use the host's network (--allow network.host lets it)" <<<'FROM localhost/busybox
RUN --network=host true'
    build --allow network.host <<<'FROM localhost/busybox
RUN --network=host ls /sys/class/net'
    fails "--allow security.insecure: a step without its sandbox" --allow security.insecure <<<'FROM localhost/busybox'
    fails "a step without its sandbox would have the rights of who builds" <<<'FROM localhost/busybox
RUN --security=insecure true'
}

@test "an ssh agent is forwarded to whom it is for, and to nobody else" {
    command -v ssh-agent >/dev/null || skip "no ssh-agent"
    eval "$(ssh-agent -a "$BATS_TEST_TMPDIR/agent")" >/dev/null
    ssh-keygen -q -t ed25519 -N '' -C a-comment-of-the-key -f "$BATS_TEST_TMPDIR/key"
    ssh-add -q "$BATS_TEST_TMPDIR/key" 2>/dev/null
    build --ssh default --ssh other="$SSH_AUTH_SOCK" <<'D'
FROM localhost/busybox
RUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && echo "at $SSH_AUTH_SOCK"
RUN --mount=type=ssh,id=other,target=/s,mode=0666,uid=0 test -S /s && stat -c %a /s
RUN test -z "$SSH_AUTH_SOCK" && test ! -e /run/buildkit
RUN --mount=type=ssh,id=none test -z "$SSH_AUTH_SOCK"
D
    kill "$SSH_AGENT_PID"
    has "$(said)" "at /run/buildkit/ssh_agent.0"
    has "$(said)" 666
}

@test "the agent answers through its socket, to every user that it is for" {
    command -v ssh-agent >/dev/null || skip "no ssh-agent"
    need_image test/python:3
    eval "$(ssh-agent -a "$BATS_TEST_TMPDIR/agent")" >/dev/null
    ssh-keygen -q -t ed25519 -N '' -C a-comment-of-the-key -f "$BATS_TEST_TMPDIR/key"
    ssh-add -q "$BATS_TEST_TMPDIR/key" 2>/dev/null
    cat >ask.py <<'P'
import os, socket, struct
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["SSH_AUTH_SOCK"])
for i in range(2):
    s.sendall(struct.pack(">IB", 1, 11))
    n = struct.unpack(">I", s.recv(4))[0]
    b = b""
    while len(b) < n:
        b += s.recv(n - len(b))
    print(b[0], b"a-comment-of-the-key" in b)
P
    has_range && user=1000 || user=0
    rctr pull -q "$RCTR_TEST_REGISTRY/test/python:3" >/dev/null
    status=0
    build --ssh default --pull=never <<D || status=$?
FROM $RCTR_TEST_REGISTRY/test/python:3
RUN --mount=type=ssh --mount=source=ask.py,target=/ask.py python3 /ask.py
USER $user
RUN --mount=type=ssh,uid=$user --mount=source=ask.py,target=/ask.py id -u; python3 /ask.py
D
    kill "$SSH_AGENT_PID"
    is "$status" 0
    is "$(said | grep -c '^12 True')" 4
}

@test "mistakes name their line" {
    mkdir -p sub; ln -s /etc/hostname out; ln -s ../../.. sub/up; echo x >left; echo left >.dockerignore; ln -s left to-left
    f=$'FROM localhost/busybox\nRUN '
    fails "Dockerfile:2: --mount=type=bind: " <<<"$f--mount=target=/proc/x true"
    fails "source=nothing: it is not in the build context" <<<"$f--mount=source=nothing,target=/x true"
    has "$(said)" "Dockerfile:2"
    fails "source=../..: it is outside of the build context" <<<"$f--mount=source=../..,target=/x true"
    fails "source=out: it is not in the build context" <<<"$f--mount=source=out,target=/x true"
    fails "source=left: it is not in the build context: its ignore file leaves it out" <<<"$f--mount=source=left,target=/x true"
    fails "source=to-left: it is not in the build context: its ignore file leaves it out" <<<"$f--mount=source=to-left,target=/x true"
    fails "two mounts on '/x'" <<<"$f--mount=target=/x --mount=type=tmpfs,target=/x/ true"
    fails "the step needs the secret 's'" <<<"$f--mount=type=secret,id=s,required true"
    has "$(said)" "Dockerfile:2"
    fails "the step needs the ssh agent 'default'" <<<"$f--mount=type=ssh,required=true true"
    fails "has a part '..'" <<<"$f--mount=type=cache,id=../../x,target=/x true"
    fails "has no key 'sharign': did you mean sharing?" <<<"$f--mount=type=cache,target=/x,sharign=locked true"
    fails "'nothing' is not there" <<<"$f--mount=from=localhost/busybox,source=nothing,target=/x true"
    fails "--secret: cannot read 'nowhere'" --secret id=x,src=nowhere <<<"$f true"
    fails "--secret: 'foo' is none of id=, src=, env=, type=" --secret foo <<<"$f true"
    fails "--ssh: 'left' is not the socket of an agent" --ssh default=left <<<"$f true"
    # the source's links lead nowhere out of it
    build -t up <<<"$f--mount=source=sub/up,target=/up ls -A /up >/names"
    is "$(shows up 'grep -c . /names')" "$(ls -A | grep -vcx left)"
}

@test "an image that lays traps gets its secrets nowhere else" {
    build -t trap <<'D'
FROM localhost/busybox
RUN rm -rf /run && mkdir /run /elsewhere && ln -s /elsewhere /run/secrets && ln -s /proc /var/p; ln -s ../../../../../../tmp/rctr-out-of-it /run/leads
D
    echo geheim >"$BATS_TEST_TMPDIR/secret"
    touch "$BATS_TEST_TMPDIR/begin"; sleep 0.01
    build -t trapped --secret id=s,src="$BATS_TEST_TMPDIR/secret" <<'D'
FROM localhost/trap
RUN --mount=type=secret,id=s grep -q geheim /elsewhere/s && touch /made
RUN --mount=type=secret,id=s,target=/run/leads/s true
D
    is "$(layers)" made
    [ ! -e /tmp/rctr-out-of-it ]
    fails "Dockerfile:2" --secret id=s,src="$BATS_TEST_TMPDIR/secret" <<<$'FROM localhost/trap\nRUN --mount=type=secret,id=s,target=/var/p/sys/kernel/core_pattern true'
}

@test "caches are counted and pruned, but not while a build uses them" {
    build -t one <<<$'FROM localhost/busybox\nRUN --mount=type=cache,target=/c dd if=/dev/zero of=/c/big bs=1M count=3; mkdir /c/d; chmod 0 /c/d'
    size=$(rctr system df --format '{{.Type}} {{.Size}}' | grep '^Build Cache')
    [[ $size == *MB ]]
    rctr builder prune -f --filter type=regular >/dev/null
    is "$(ls "$RCTR_STATE/cache/mounts" | wc -l)" 1
    mkfifo go
    build -v "$PWD:/host" <<<$'FROM localhost/busybox\nRUN --mount=type=cache,target=/c echo in >/host/go; cat /host/go; test -e /c/big' &
    read -r _ <go
    rctr builder prune -f --filter type=exec.cachemount >"$BATS_TEST_TMPDIR/pruned" & prune=$!
    sleep 0.2
    is "$(ls "$RCTR_STATE/cache/mounts" | wc -l)" 1
    echo out >go
    wait $prune
    wait
    rctr builder prune -f --filter type=exec.cachemount >>"$BATS_TEST_TMPDIR/pruned"
    is "$(ls "$RCTR_STATE/cache/mounts")" ""
    has "$(cat "$BATS_TEST_TMPDIR/pruned")" "MB"
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "a socket or a FIFO of the context does not answer in a step" {
    mkfifo pipe; mkdir d; echo x >d/file
    python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind("d/socket")'
    each_driver no_answer
}

no_answer() {
    build --no-cache -t deaf <<<$'FROM localhost/busybox\nRUN --mount=target=/c find /c ! -type d ! -type p | sort >/all; echo hello <>/c/pipe || true'
    is "$(shows deaf 'cat /all')" /c/d/file
    is "$(timeout 0.2 cat <>pipe)" "" # the copy has a FIFO of its own
}

@test "who waits for a locked cache can be interrupted" {
    mkfifo go
    printf 'FROM localhost/busybox\nARG N\nRUN --mount=type=cache,target=/c,sharing=locked test $N = 2 || { echo in >/host/go; cat /host/go; }\n' >Dockerfile
    rctr build -q -v "$PWD:/host" --build-arg N=1 . >/dev/null 2>&1 & first=$!
    read -r _ <go
    rctr build -v "$PWD:/host" --build-arg N=2 . >"$BATS_TEST_TMPDIR/second" 2>&1 & second=$!
    for _ in $(seq 100); do grep -q 'STEP 3' "$BATS_TEST_TMPDIR/second" && break; sleep 0.05; done
    sleep 0.2
    kill -INT $second
    status=0
    wait $second || status=$?
    [ $status -ne 0 ]
    echo out >go
    wait $first
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "mounts from a named context, and a cache that begins with one" {
    mkdir ../other ../other/d; echo one >../other/d/f; echo no >../other/no; echo no >../other/.dockerignore
    build -t named --build-context other="$BATS_TEST_TMPDIR/other" --build-context base=docker-image://localhost/busybox <<'D'
FROM localhost/busybox
RUN --mount=from=other,target=/o find /o -type f | sort >/all
RUN --mount=from=other,source=d/f,target=/f cat /f >>/all
RUN --mount=type=cache,from=other,source=d,target=/c cat /c/f >>/all; echo two >/c/f
RUN --mount=type=cache,id=/c,from=other,source=d,target=/again cat /again/f >>/all
RUN --mount=from=base,target=/b /b/bin/busybox echo base >>/all
D
    is "$(shows named 'cat /all')" "$(printf '/o/.dockerignore\n/o/d/f\none\none\ntwo\nbase')"
    is "$(cat ../other/d/f)" one
}

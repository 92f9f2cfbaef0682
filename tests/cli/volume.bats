#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# volume create, ls, inspect, exists, prune, rm; what run makes of volumes.
# also: single-uid
load common

run_here() { # OPTIONS... -- WORDS...: in busybox without a network
    local options=()
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    rctr run --rm --network none "${options[@]}" localhost/busybox "$@"
}

# ---- volume create

@test "create prints the name, or makes one up" {
    is "$(rctr volume create data)" data
    [[ $(rctr volume create) =~ ^[0-9a-f]{64}$ ]]
    is "$(rctr volume ls -q --filter anonymous=true | wc -l)" 1
    is "$(stat -c %a "$RCTR_STATE/volumes/data")" 700
}

@test "a name is given once" {
    rctr volume create data
    fails_with 125 "volume with name data already exists: volume already exists" rctr volume create data
    is "$(rctr volume create --ignore data)" data
}

@test "of many who create one name one wins" {
    for i in 1 2 3 4 5 6 7 8 9 10; do
        rctr volume create data >"out$i" 2>&1 &
    done
    wait
    is "$(cat out* | grep -c '^data$')" 1
    is "$(cat out* | grep -c 'already exists')" 9
    is "$(rctr volume ls -q)" data
}

@test "wrong names, drivers and options are refused in words" {
    fails_with 125 'names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*' rctr volume create a/b
    fails_with 125 'names must match' rctr volume create ../x
    fails_with 125 'the only volume driver is "local"' rctr volume create --driver nfs x
    fails_with 125 "invalid mount option foo for driver 'local'" rctr volume create --opt foo=bar x
    fails_with 125 "use --tmpfs PATH" rctr volume create --opt type=tmpfs --opt device=tmpfs x
    fails_with 125 "an unprivileged user cannot mount it" rctr volume create --opt type=nfs --opt device=:/x --opt o=addr=1.2.3.4 x
    fails_with 125 "absolute path" rctr volume create --opt type=none --opt o=bind --opt device=x x
    fails_with 125 "the name before '=' is missing" rctr volume create --label =v x
    is "$(rctr volume ls -q)" ""
}

@test "a volume can stand for a folder of the host" {
    mkdir here
    echo host >here/f
    rctr volume create --opt type=none --opt o=bind --opt device="$PWD/here" data
    is "$(run_here -v data:/d -- sh -c 'cat /d/f; echo new >/d/g')" host
    is "$(cat here/g)" new
    rctr volume create --opt type=bind --opt o=ro --opt device="$PWD/here" fixed
    run_here -v fixed:/d -- sh -c '! touch /d/x'
    rctr volume rm data
    is "$(cat here/f)" host
}

# ---- volume ls, inspect, exists

@test "ls has podman's headings and what is asked for" {
    is "$(rctr volume ls)" "DRIVER   VOLUME NAME"
    is "$(rctr volume ls --format json)" "[]"
    rctr volume create --label a=b --label c one
    rctr volume create two
    is "$(rctr volume ls)" "DRIVER   VOLUME NAME
local    one
local    two"
    is "$(rctr volume ls --noheading | wc -l)" 2
    is "$(rctr volume list -q)" "one
two"
    is "$(rctr volume ls --format '{{.Name}}={{.Driver}} {{.Labels.a}}' | head -1)" "one=local b"
    is "$(rctr volume ls --format json | jq -r '.[].Name' | tr '\n' ' ')" "one two "
    fails_with 125 'did you mean "Name"' rctr volume ls --format '{{.Nam}}'
}

@test "ls filters" {
    rctr volume create --label a=b one
    rctr volume create --label a=c two
    rctr create --name c -v two:/x localhost/busybox
    is "$(rctr volume ls -q --filter name=^o)" one
    is "$(rctr volume ls -q --filter label=a=c)" two
    is "$(rctr volume ls -q --filter label=a | wc -l)" 2
    is "$(rctr volume ls -q --filter 'label!=a=c')" one
    is "$(rctr volume ls -q --filter dangling=true)" one
    is "$(rctr volume ls -q --filter dangling=0)" two
    is "$(rctr volume ls -q --filter driver=local --filter scope=local | wc -l)" 2
    is "$(rctr volume ls -q --filter driver=other)" ""
    is "$(rctr volume ls -q --filter after=one)" two
    is "$(rctr volume ls -q --filter until=1h)" ""
    is "$(rctr volume ls -q --filter name=one --filter name=two | wc -l)" 2
    fails_with 125 "did you mean 'label'" rctr volume ls --filter lable=a
    fails_with 125 '"foo" is an invalid volume filter' rctr volume ls --filter foo=bar
    fails_with 125 "true or false is wanted" rctr volume ls --filter dangling=maybe
}

@test "inspect has podman's fields" {
    rctr volume create --label a=b data
    is "$(rctr volume inspect data | jq -r '.[0] | [.Name, .Driver, .Scope, .Labels.a, .Mountpoint] | join(" ")')" \
        "data local local b $RCTR_STATE/volumes/data/data"
    is "$(rctr volume inspect -f '{{.Name}} {{.MountCount}}' dat)" "data 0"
    is "$(rctr volume inspect --all | jq length)" 1
    fails_with 125 'no volume with name "nix" found: no such volume' rctr volume inspect nix
    is "$(rctr volume inspect nix 2>/dev/null)" "[]"
    fails_with 125 "no such volume" rctr volume inspect data nix
    is "$(jq -r '.[].Name' stdout)" data
    fails_with 125 "provide one or more volume names or use --all" rctr volume inspect
}

@test "exists answers by its status" {
    rctr volume create data
    rctr volume exists data
    run ! rctr volume exists dat
    run -1 rctr volume exists nix
}

# ---- volume rm, prune

@test "rm removes, and tells what it cannot" {
    rctr volume create one
    rctr volume create two
    rctr create --name c -v two:/x localhost/busybox
    fails_with 2 "volume two is being used by the following container(s): $(ls "$RCTR_STATE/containers"): volume is being used" rctr volume rm two
    fails_with 2 "volume is being used" rctr volume rm one two
    is "$(cat stdout)" one
    fails_with 1 'no volume with name "nix" found: no such volume' rctr volume rm nix
    rctr volume rm -f nix
    fails_with 125 "choose either one or more volumes or all" rctr volume rm
    fails_with 125 "choose either one or more volumes or all" rctr volume rm --all two
    is "$(rctr volume ls -q)" two
}

@test "rm -f takes the containers along" {
    rctr run -d --name c --network none -v data:/x localhost/busybox sleep 1000
    is "$(rctr volume rm -f data)" data
    run ! rctr container exists c
    is "$(rctr volume ls -q)" ""
}

@test "prune removes what nobody uses, named ones only with --all" {
    rctr volume create named
    rctr volume create --label keep kept
    rctr volume create >name
    rctr create -v used:/x localhost/busybox
    run --separate-stderr rctr volume prune -f
    is "$output" "$(cat name)"
    has "$stderr" "2 named volumes that no container uses were kept"
    is "$(rctr volume prune -af --filter 'label!=keep')" named
    is "$(rctr volume ls -q)" "kept
used"
    fails_with 125 "nobody answered" rctr volume prune </dev/null
    is "$(echo n | rctr volume prune -a | grep -c kept)" 0
    has "$(echo y | rctr volume prune -a)" kept
    is "$(rctr volume ls -q)" used
}

@test "making and removing a volume are events" {
    rctr volume create data
    rctr volume rm data
    run_here -v /d -- true
    is "$(rctr events --since 1m --stream=false --filter type=volume | awk '{ print $6, length($7) }' | tr '\n' ' ')" \
        "create 4 remove 4 create 64 remove 64 "
}

# ---- run

@test "a named volume keeps data from one container to the next" {
    run_here -v data:/d -- sh -c 'echo kept >/d/f'
    is "$(run_here -v data:/e:ro -- sh -c 'cat /e/f; touch /e/g 2>&1 | grep -c Read-only')" "kept
1"
    is "$(run_here --mount type=volume,src=data,dst=/m,readonly -- cat /m/f)" kept
    is "$(run_here -v data:/a -v data:/b:ro -- cat /a/f /b/f)" "kept
kept"
}

@test "wrong volumes are refused in words and leave nothing" {
    fails_with 125 "must be an absolute path" run_here -v data:rel -- true
    fails_with 125 "names must match" run_here -v da@ta:/d -- true
    fails_with 125 "/d: duplicate mount destination" run_here -v a:/d -v b:/d -- true
    fails_with 125 "'ro' and 'rw' contradict" run_here -v a:/d:ro,rw -- true
    fails_with 125 "invalid mount option x for driver 'local'" run_here --mount type=volume,src=a,dst=/d,volume-opt=x=y -- true
    fails_with 125 "container id file" run_here -v a:/d --cidfile /no/such/file -- true
    fails_with 125 "cannot mount /no/such/folder" run_here -v a:/d -v /no/such/folder:/e -- true
    fails_with 125 "unknown key 'volume-nocop': did you mean volume-nocopy" run_here --mount type=volume,src=a,dst=/d,volume-nocop -- true
    is "$(rctr volume ls -q)" ""
    is "$(ls "$RCTR_STATE/containers" 2>/dev/null)" ""
}

@test "run --plan makes no volume" {
    has "$(rctr run --plan -v data:/d -v /e localhost/busybox true)" "$RCTR_STATE/volumes/data/data"
    is "$(rctr volume ls -q)" ""
}

@test "anonymous volumes go with run --rm and rm -v, and stay with rm" {
    run_here -v /d --mount type=volume,dst=/e -- sh -c 'touch /d/f /e/f'
    is "$(rctr volume ls -q)" ""
    rctr create --name c -v /d -v named:/e localhost/busybox
    rctr rm c
    is "$(rctr volume ls -q | wc -l)" 2
    rctr volume prune -f
    rctr create --name c -v /d -v named:/e localhost/busybox
    rctr rm -v c
    is "$(rctr volume ls -q)" named
}

@test "a program that cannot start leaves no anonymous volume" {
    run -127 run_here -v /d -- /no/such
    is "$(rctr volume ls -q)" ""
}

@test "--volumes-from brings the same volumes and binds" {
    mkdir here
    echo bind >here/f
    rctr create --name c -v data:/d -v "$PWD/here:/h:ro" --tmpfs /t localhost/busybox
    run_here -v data:/x -- sh -c 'echo vol >/x/f'
    is "$(run_here --volumes-from c -- sh -c 'cat /d/f /h/f; touch /d/g; ! touch /h/g 2>/dev/null; ls -d /t 2>/dev/null')" "vol
bind"
    run_here --volumes-from c:ro -- sh -c '! touch /d/h 2>/dev/null'
    is "$(run_here --volumes-from c -v other:/d -- ls /d)" ""
    fails_with 125 'no container with name or ID "nix" found: no such container' run_here --volumes-from nix -- true
    fails_with 125 "invalid option 'foo'" run_here --volumes-from c:foo -- true
}

@test "an anonymous volume that another container has from the first stays with it" {
    rctr create --name a -v /d localhost/busybox
    rctr create --name b --volumes-from a localhost/busybox
    rctr rm -v a
    is "$(rctr volume ls -q | wc -l)" 1
    rctr rm -v b
    is "$(rctr volume ls -q | wc -l)" 0
}

@test "parents are mounted before what lies below them" {
    run_here -v data:/d -- mkdir /d/sub
    is "$(run_here -v sub:/d/sub -v data:/d -- sh -c 'touch /d/sub/x; mount | grep -c " /d[ /]"')" 2
    is "$(run_here -v sub:/x -- ls /x)" x
}

# A container that shares the outer volume puts links in the way of the inner one's mount point.
@test "a racing container cannot lead a mount out of the container" {
    local canary=$BATS_TEST_TMPDIR/canary ok=0
    mkdir "$canary"
    echo safe >"$canary/f"
    rctr run -d --name racer --network none -v outer:/d localhost/busybox sh -c "
        while :; do
            rm -rf /d/sub; mkdir /d/sub; rm -rf /d/sub; ln -s $canary /d/sub
            rm -f /d/sub; ln -s ../../../../../../..$canary /d/sub
        done"
    for _ in $(seq 60); do
        run_here -v outer:/d -v inner:/d/sub -- sh -c 'echo in >/d/sub/f' >/dev/null 2>stderr && ok=$((ok + 1))
    done
    echo "$ok of 60 started"
    is "$(cat "$canary/f"; ls "$canary")" "safe
f"
    is "$(run_here -v inner:/x -- cat /x/f)" in
}

@test "a volume that run is about to use cannot be removed under it" {
    for i in 1 2 3 4 5 6 7 8 9 10; do
        run_here -v data:/d -- sh -c "echo ok >/d/$i && cat /d/$i" >"out$i" 2>&1 &
        rctr volume rm data >/dev/null 2>&1 || true
    done
    wait
    is "$(cat out* | sort | uniq -c | tr -s ' ')" " 10 ok"
}

@test "what a killed container leaves of its anonymous volumes is swept" {
    local id
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    id=$(rctr run -d --rm --network none -v /d localhost/busybox sleep 1000)
    kill -9 "$(jq .monitor.pid "$RCTR_STATE/containers/$id/record.json")"
    for i in 1 2 3 4 5 6 7 8 9 10; do
        [ -n "$(rctr volume ls -q)" ] || break
        sleep 0.1
    done
    is "$(rctr volume ls -q)" ""
    is "$(ls "$RCTR_STATE/containers")" ""
    is "$(ls "$XDG_RUNTIME_DIR/rctr")" ""
}

@test "a damaged volume is told and does not hide the others" {
    rctr volume create bad
    rctr volume create good
    echo '{' >"$RCTR_STATE/volumes/bad/meta.json"
    run --separate-stderr rctr volume ls -q
    is "$output" good
    has "$stderr" 'volume "bad" is damaged'
    fails_with 125 'volume "bad" is damaged' run_here -v bad:/d -- true
    run -1 rctr system check
    has "$output" 'volume "bad" is damaged'
    rctr volume rm bad
    rctr system check
}

# Traced, the set-uid helpers have no effect: a single user.
@test "killed at any change: the volume is there whole or not at all, and nothing is left" {
    need_command strace
    export RCTR_SINGLE_UID=1
    local words call when kills=0
    rctr run --rm --network none localhost/busybox true
    for words in "volume create x" "volume rm x" "volume prune -fa" \
        "run --rm --network none -v x:/etc -v /d localhost/busybox true"; do
        for call in mkdirat fchmodat fsync renameat renameat2 unlinkat; do
            for when in 1 2 4 8; do
                case $words in
                *create* | run*) rctr volume rm -f x >/dev/null ;;
                *) rctr volume create --ignore x >/dev/null ;;
                esac
                sh -c "strace -f -qq -o log -e trace=$call -e inject=$call:signal=KILL:when=$when rctr $words; true" >/dev/null 2>&1
                grep -q "killed by SIGKILL" log || break
                kills=$((kills + 1))
                has "$(rctr run --rm --network none -v x:/etc localhost/busybox ls /etc)" passwd
                is "$(rctr volume ls -q)" x
                rctr system check >/dev/null
            done
        done
    done
    echo "$kills kills"
    [ "$kills" -gt 20 ]
    rctr volume create last # who makes something clears away what the dead have begun
    is "$(ls "$RCTR_STATE/tmp" "$RCTR_STATE/containers" | grep -v ':$')" ""
}

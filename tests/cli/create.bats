# also: single-uid
load common

box() { # words of create, then of the program
    rctr create --network none "$@"
}

@test "create prints the id of a container that does not run yet" {
    id=$(box --name one localhost/busybox echo hello)
    [[ $id =~ ^[0-9a-f]{64}$ ]]
    is "$(rctr inspect -f '{{.Id}} {{.State.Status}} {{.State.Running}}' one)" "$id created false"
}

@test "start runs it, again and again, on the files that it left" {
    box --name one localhost/busybox sh -c 'echo x >>/file; cat /file'
    is "$(rctr start -a one)" x
    is "$(rctr start -a one)" $'x\nx'
    is "$(rctr start --attach one | wc -l)" 3
    is "$(rctr inspect -f '{{.State.Status}} {{.State.ExitCode}}' one)" "exited 0"
}

@test "start gives everything back that create was told" {
    local user=0
    ! has_range || user=1
    echo bound >file
    box --name one -e A=b -e "B=$(printf '\377')" -w /tmp -u $user --hostname box --read-only \
        -v "$PWD/file:/mnt/file:ro" --tmpfs /t:size=64k --cap-drop ALL --ulimit nofile=99:99 \
        --umask 0077 localhost/busybox sh -c \
        'printf "%s " $A "$(printf %s "$B" | od -An -tx1)" $PWD $(id -u) $(hostname) $(umask) $(ulimit -n)
         cat /mnt/file; grep CapBnd /proc/self/status; df -k /t | tail -n 1 | tr -s " " | cut -d " " -f 2
         touch /x 2>&1' || true
    for i in 1 2; do
        rctr start -a one >out 2>&1 || true
        has "$(cat out)" "b  ff /tmp $user box 0077 99 bound"
        has "$(cat out)" "CapBnd:	0000000000000000"
        has "$(cat out)" $'\n64\n'
        has "$(cat out)" "Read-only file system"
    done
}

@test "a terminal and standard input survive create, too" {
    box -i --name cat localhost/busybox cat
    is "$(echo through | rctr start -ai cat)" through
    box -t --name tty localhost/busybox tty
    has "$(rctr start -a tty)" /dev/pts/0
}

@test "a program that cannot run leaves the container as it was, with the reason" {
    box --name one localhost/busybox nosuch
    fails_with 127 "executable file not found" rctr start one
    is "$(rctr inspect -f '{{.State.Status}} {{.State.ExitCode}}' one)" "created 127"
    has "$(rctr inspect -f '{{.State.Error}}' one)" nosuch
}

@test "start of one that runs is content, of one that is not there is told, the others start" {
    rctr run -d --network none --name one localhost/busybox sleep 1000
    box --name two localhost/busybox sleep 1000
    is "$(rctr start one)" one
    fails_with 125 "no such container" rctr start two nosuch
    is "$(rctr inspect -f '{{.State.Running}}' two)" true
    fails_with 125 "attach" rctr start -a one two
}

@test "run -d prints the id once the program runs, and leaves it running" {
    id=$(rctr run -d --network none --name one localhost/busybox sleep 1000)
    [[ $id =~ ^[0-9a-f]{64}$ ]]
    is "$(rctr inspect -f '{{.Id}} {{.State.Status}}' one)" "$id running"
    fails_with 127 "executable file not found" rctr run -d --name two localhost/busybox nosuch
    fails_with 125 "no such container" rctr container inspect two
    fails_with 125 "conflicting" rctr run -d -a stdout localhost/busybox true
}

@test "run -d --rm is gone after its end" {
    id=$(rctr run -d --rm --network none localhost/busybox true)
    for _ in $(seq 100); do
        [ -e "$RCTR_STATE/containers/$id" ] || break
        sleep 0.05
    done
    [ ! -e "$RCTR_STATE/containers/$id" ]
}

@test "--attach chooses the streams" {
    run() { rctr run --rm --network none "$@" localhost/busybox sh -c 'echo out; echo err >&2' 2>&1; }
    is "$(run -a stdout)" out
    is "$(run -a stderr)" err
    is "$(run -a stdout -a STDERR | sort)" $'err\nout'
    fails_with 125 "one of stdin, stdout, stderr" rctr run -a nosuch localhost/busybox true
}

@test "variables can be taken over and left out" {
    export FROM_HOST=1
    env_of() { rctr run --rm --network none "$@" localhost/busybox env; }
    has "$(env_of --env-host)" FROM_HOST=1
    has "$(https_proxy=http://proxy:1 env_of)" https_proxy=http://proxy:1
    [[ $(https_proxy=http://proxy:1 env_of --http-proxy=false) != *https_proxy* ]]
    [[ $(env_of) != *FROM_HOST* ]]
    [[ $(env_of --unsetenv PATH) != *PATH=* ]]
    is "$(rctr run --rm --network none --unsetenv-all -e A=1 localhost/busybox /usr/bin/env | sort | tr '\n' ' ')" "A=1 HOME=/root "
}

@test "labels come from files, ports are noted, the pid file holds a living process" {
    printf '# none\na=b\n\n  c=d e\n' >labels
    rctr run -d --network none --name one --label-file labels --label a=z --expose 80 --expose 90-91/udp \
        --pidfile "$PWD/pid" localhost/busybox sleep 1000
    is "$(rctr inspect -f '{{index .Config.Labels "a"}} {{index .Config.Labels "c"}}' one)" "z d e"
    [ -e "/proc/$(cat pid)" ]
    fails_with 125 "--expose" rctr create --expose 99999 localhost/busybox true
    fails_with 125 "--label-file" rctr create --label-file nosuch localhost/busybox true
}

@test "what cannot be is refused in words, and leaves nothing" {
    fails_with 125 "restart policy" box --restart sometimes localhost/busybox true
    fails_with 125 "conflicting options" box --rm --restart always localhost/busybox true
    fails_with 125 "cannot publish ports yet" box -p 8080:80 localhost/busybox true
    fails_with 125 "cannot publish ports yet" rctr run -P localhost/busybox true
    rctr create -it --name it localhost/busybox sh
    fails_with 125 "not a TTY" rctr start -ai it </dev/null
    rctr rm it
    fails_with 125 "--umask" box --umask 9 localhost/busybox true
    fails_with 125 "can not be specified with" box --platform linux/amd64 --arch arm64 localhost/busybox true
    is "$(ls "$RCTR_STATE/containers" 2>/dev/null)" ""
}

@test "a custom seccomp profile is kept for the next start" {
    echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' >p.json
    box --name one --security-opt seccomp=p.json localhost/busybox sh -c 'mkdir /d || echo denied'
    rm p.json
    has "$(rctr start -a one 2>&1)" denied
}

@test "--replace takes the name from another container, running or not" {
    rctr run -d --network none --name one localhost/busybox sleep 1000
    id=$(box --replace --name one localhost/busybox true)
    is "$(rctr inspect -f '{{.Id}}' one)" "$id"
    is "$(ls "$RCTR_STATE/containers" | wc -l)" 1
    is "$(rctr run --rm --replace --network none --name one localhost/busybox echo new)" new
    fails_with 125 "without --name" box --replace localhost/busybox true
}

# also: single-uid
load common
load image

run_in() { # words of run, image and command
    rctr run --rm --network none "$@"
}

@test "the first container needs no registry" {
    is "$(rctr run --rm localhost/busybox echo hello)" hello
}

@test "standard input, output and error are byte-exact" {
    head -c 3000000 /dev/urandom >data
    run_in -i localhost/busybox sh -c 'tee /dev/stderr' <data >out 2>err
    cmp data out
    cmp data err
}

@test "without -i the program reads nothing" {
    is "$(echo secret | run_in localhost/busybox cat)" ""
}

@test "the exit status is the program's" {
    local s=0
    run_in localhost/busybox sh -c 'exit 37' || s=$?
    is "$s" 37
    s=0
    run_in --init localhost/busybox sh -c 'kill -9 $$' || s=$?
    is "$s" 137
}

@test "a program that is not there is 127, one that cannot run is 126, a bad option is 125" {
    fails_with 127 "executable file not found" run_in localhost/busybox nosuchprogram
    fails_with 127 "executable file not found" run_in localhost/busybox /no/such/program
    fails_with 126 "Permission denied" run_in localhost/busybox /etc/passwd
    fails_with 126 "Permission denied" run_in localhost/busybox /etc
    fails_with 125 "--nosuch" run_in --nosuch localhost/busybox true
    echo 'no program' >bad && chmod 755 bad
    fails_with 126 "exec format error" run_in -v "$PWD/bad:/bad" localhost/busybox /bad
}

@test "an image that does not exist is said so" {
    fails_with 125 "image not known" run_in --pull never nosuchimage true
    fails_with 125 "image not known" run_in localhost/nosuch true
}

@test "--rm leaves nothing, without it the container stays recorded" {
    run_in localhost/busybox true
    is "$(ls "$RCTR_STATE/containers")" ""
    is "$(ls "$RCTR_STATE/names")" ""
    rctr run --network none --name kept localhost/busybox sh -c 'exit 4' || true
    is "$(ls "$RCTR_STATE/names")" kept
    grep -q '"exited"' "$RCTR_STATE"/containers/*/record.json
}

@test "a name is given once, and a bad one is refused" {
    rctr run --network none --name one localhost/busybox true
    fails_with 125 "is already in use" rctr run --name one localhost/busybox true
    fails_with 125 "name" rctr run --name 'a/b' localhost/busybox true
    is "$(ls "$RCTR_STATE/containers" | wc -l)" 1
}

@test "--cidfile holds the id, and is not overwritten" {
    run_in --cidfile cid localhost/busybox true
    is "$(tr -d '0-9a-f' <cid | wc -c)" 0
    is "$(wc -c <cid)" 64
    fails_with 125 "container id file found" run_in --cidfile cid localhost/busybox true
}

@test "the environment is the image's, then files', then -e's" {
    printf 'A=file\nB=file\n# no\nC\n' >envs
    C=host run_in --env-file envs -e B=given -e D= localhost/busybox env >got
    grep -qx A=file got
    grep -qx B=given got
    grep -qx C=host got
    grep -qx D= got
    grep -qx 'HOME=/root' got
    grep -q '^PATH=/usr/local/sbin' got
    ! grep -q RCTR_STATE got
}

@test "the host name is the short id, or -h" {
    is "$(run_in -h box localhost/busybox hostname)" box
    run_in --cidfile cid localhost/busybox hostname >name
    is "$(cat name)" "$(head -c 12 cid)"
    is "$(run_in --uts host localhost/busybox hostname)" "$(hostname)"
    fails_with 125 "hostname" run_in -h 'a b' localhost/busybox true
}

@test "the working directory is made when it is missing, and never lies below /proc" {
    is "$(run_in -w /a/b/c localhost/busybox pwd)" /a/b/c
    for n in 3 4 5 6 7 8 9 10; do
        fails_with 125 "working directory" run_in -w /proc/self/fd/$n localhost/busybox true
    done
    fails_with 125 "not absolute" run_in -w etc localhost/busybox true
    image_load localhost/relative:1 word '{"WorkingDir":"some/where","Entrypoint":["/missing"]}'
    fails_with 127 "/missing" run_in localhost/relative:1
    mkdir vol && ln -s /proc/self/cwd vol/link && ln -s /proc/1/root vol/root
    run_in -v "$PWD/vol:/vol" -w /vol/root localhost/busybox true || true # wherever it leads, it is inside
}

@test "an entrypoint is replaced, and takes the words after the image" {
    is "$(run_in --entrypoint echo localhost/busybox a b)" "a b"
    is "$(run_in --entrypoint '["echo","x"]' localhost/busybox a)" "x a"
    fails_with 125 "no command" run_in --entrypoint "" localhost/busybox
}

@test "--init reaps and passes signals on" {
    is "$(run_in --init localhost/busybox sh -c 'echo $$; cat /proc/1/comm' | tr '\n' ' ')" "2 rctr-init "
    # what ps shows inside holds nothing of the caller's command line
    ! run_in --init -e SECRET=hunter2 localhost/busybox cat /proc/1/cmdline | grep -a hunter2
}

@test "signals reach the program" {
    # shellcheck disable=SC2016
    rctr run --rm --network none localhost/busybox sh -c 'trap "echo got it; exit 9" TERM; echo ready; while :; do sleep 0.1; done' >out &
    local pid=$! s=0
    for _ in $(seq 100); do grep -q ready out && break; sleep 0.1; done
    kill -TERM $pid
    wait $pid || s=$?
    is "$s" 9
    grep -q 'got it' out
}

@test "--timeout kills" {
    local s=0
    run_in --timeout 1 localhost/busybox sleep 60 || s=$?
    is "$s" 137
}

@test "--pid, --ipc host show the host's" {
    is "$(run_in --pid host localhost/busybox readlink /proc/self/ns/pid)" "$(readlink /proc/self/ns/pid)"
    is "$(run_in --ipc host localhost/busybox readlink /proc/self/ns/ipc)" "$(readlink /proc/self/ns/ipc)"
    [ "$(run_in localhost/busybox readlink /proc/self/ns/pid)" != "$(readlink /proc/self/ns/pid)" ]
}

@test "labels and annotations are recorded" {
    rctr run --network none -l a=b --annotation c=d localhost/busybox true
    has "$(cat "$RCTR_STATE"/containers/*/record.json)" '"a"'
    has "$(cat "$RCTR_STATE"/containers/*/record.json)" '"c"'
}

@test "--plan prints and starts nothing" {
    run_in --plan localhost/busybox touch /x >plan
    jq -e '.namespaces | index("user")' plan
    jq -e '.args == ["touch", "/x"]' plan
    is "$(ls "$RCTR_STATE/containers")" ""
}

@test "RCTR_TRACE writes a line a phase" {
    RCTR_TRACE=$PWD/trace run_in localhost/busybox true
    grep -q 'ms .* map users' trace
}

@test "a killed client leaves a container that ends and cleans up by itself" {
    rctr run --rm --network none localhost/busybox sh -c 'echo up; sleep 4' >out &
    local pid=$!
    for _ in $(seq 100); do [ ! -s out ] || break; sleep 0.05; done
    kill -9 $pid
    [ -n "$(still_running rctr)" ]
    for _ in $(seq 200); do [ -n "$(ls "$RCTR_STATE/containers")" ] || break; sleep 0.1; done
    is "$(ls "$RCTR_STATE/containers")" ""
    sleep 0.5
    is "$(still_running rctr)" ""
}

@test "a monitor keeps nothing of the caller's open" {
    # shellcheck disable=SC2094
    (exec 9>held; rctr run --rm --network none localhost/busybox sleep 3 9>&9 & echo $! >pid; sleep 0.7; kill -9 "$(cat pid)")
    ! find /proc/[0-9]*/fd -lname "$PWD/held" 2>/dev/null | grep .
    sleep 3
}

@test "single: users of the image are refused in words where only one id exists" {
    export RCTR_SINGLE_UID=1
    is "$(run_in localhost/busybox id -u)" 0
    fails_with 125 "single user id" run_in -u 1000 localhost/busybox true
    is "$(run_in --userns keep-id:uid=1000,gid=1000 localhost/busybox id -u)" 1000
}

@test "values without sense are refused, not passed over" {
    fails_with 125 "--timeout -1" run_in --timeout -1 localhost/busybox true
    fails_with 125 "KEY=VALUE" run_in --annotation word localhost/busybox true
    fails_with 125 "unknown capability" run_in --cap-add CHOWN, localhost/busybox true
    is "$(run_in --cap-drop=ALL --cap-add=CAP_CHOWN,setuid localhost/busybox grep -c '0000000000000081' /proc/self/status)" 3
}

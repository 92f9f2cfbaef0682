# also: single-uid
# rctr attach: more clients for a running container.
load common
load lifecycle
load pty

state() { rctr inspect --format '{{.State.Status}}' "$1"; }

# hear FILE: a client whose output goes to FILE, with its input from nowhere. Sets $client.
hear() {
    rctr attach --sig-proxy=false c </dev/null >"$1" 2>"$1.err" 3>&- &
    client=$!
}

# The container has so many clients that listen: each line that it is sent comes back to each.
answers() { # FILE...
    local file
    for _ in $(seq 100); do
        for file; do
            grep -q 'got ping' "$file" || { sleep 0.05; continue 2; }
        done
        return 0
    done
    echo "no answer in $*"
    return 1
}

echoing() {
    rctr run -d -i --network none --name c "$@" localhost/busybox \
        sh -c 'trap "exit 44" TERM; while read -r line; do echo "got $line"; done' >/dev/null
}

@test "two clients at once hear the same, and the input of a third" {
    echoing
    hear one; first=$client
    hear two; second=$client
    for _ in $(seq 50); do
        { echo ping; sleep 0.1; } | { timeout -s KILL 1 rctr attach c || true; } >/dev/null 2>&1
        answers one two && break
    done
    rctr kill c >/dev/null
    wait "$first" && false || is $? 137
    wait "$second" && false || is $? 137
    is "$(cat one.err two.err)" ""
}

@test "the end of a client's input is not the end of the container's, and its exit status comes back" {
    echoing
    { echo one; sleep 0.3; rctr kill -s TERM c >/dev/null; } | { rctr attach c >out || echo $? >status; }
    has "$(cat out)" "got one"
    is "$(cat status)" 44
    has "$(rctr logs c)" "got one"
}

@test "a client that is killed or goes leaves the container as it is" {
    echoing
    hear one
    kill -9 "$client"
    wait "$client" || true
    is "$(state c)" running
    { echo ping; sleep 0.2; } | { timeout -s KILL 1 rctr attach c || true; } >two 2>&1
    answers two
}

@test "signals are passed on, but not with --sig-proxy=false" {
    echoing
    rctr attach c </dev/null >one 3>&- &
    sleep 0.2
    kill -TERM $!
    echo next | timeout -s KILL 1 rctr attach c >/dev/null 2>&1 || true # the shell's trap waits for read
    wait $! && false || is $? 44
}

@test "a client that reads nothing is let go, and does not stop the container" {
    rctr run -d --network none --name c localhost/busybox \
        sh -c 'i=0; while [ $i -lt 4000 ]; do head -c 1000 /dev/zero; i=$((i+1)); done; exit 7' >/dev/null
    mkfifo pipe
    sleep 60 <pipe 3>&- &
    sleeper=$!
    rctr attach c </dev/null >pipe 3>&- 2>/dev/null || true &
    is "$(timeout 30 rctr wait c)" 7
    kill $sleeper
    wait
}

@test "a terminal: its size follows the newest client, the keys leave it running, attach comes back" {
    in_pty '\x10\x11' rctr run -it --network none --name c localhost/busybox sh -c 'echo READY; while :; do read x; stty size; done' >one
    has "$(cat one)" "STATUS 0"
    is "$(state c)" running
    in_pty 'x\n' timeout -s KILL 5 rctr attach c >two
    has "$(cat two)" "24 80"
}

@test "a terminal that is closed leaves the container running" {
    python3 - <<'END'
import os, pty, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp("rctr", "rctr run -it --network none --name c localhost/busybox sh".split())
data = b""
while b"#" not in data:
    data += os.read(fd, 1000)
os.close(fd) # the window is closed
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    is "$(state c)" running
    in_pty 'exit 5\n' rctr attach c >two
    has "$(cat two)" "STATUS 5"
}

@test "--no-stdin does not read, --latest takes the newest" {
    echoing
    echo ping | { timeout -s KILL 0.5 rctr attach --no-stdin --latest >one || true; } 2>/dev/null
    is "$(cat one)" ""
    { echo ping; sleep 0.2; } | { timeout -s KILL 0.5 rctr attach -l >one || true; } 2>/dev/null
    is "$(cat one)" "got ping"
}

@test "what cannot be attached to is said" {
    fails_with 125 'no container with name or ID "x" found: no such container' rctr attach x
    rctr create --name c --network none localhost/busybox true
    fails_with 125 "you can only attach to running containers" rctr attach c
    rctr start c
    rctr wait c
    fails_with 125 "you can only attach to running containers" rctr attach c
    fails_with 125 "--detach-keys: 'nokey' is not a key" rctr attach --detach-keys nokey c
}

@test "the runtime folder is deleted: the container stays visible, can be attached to and stopped" {
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 run
    echoing
    rm -rf run
    is "$(state c)" running
    { echo ping; sleep 0.2; } | { timeout -s KILL 5 rctr attach c >one || true; } 2>/dev/null
    is "$(cat one)" "got ping"
    is "$(rctr exec c echo inside)" inside
    rctr stop -t 0 c
}

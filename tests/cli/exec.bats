# exec: one more program in a container that runs.
# also: single-uid
load common
load pty
bats_require_minimum_version 1.5.0

# begin [OPTION…]: a container called c that sleeps.
begin() {
    rctr run -d --name c --network none "$@" localhost/busybox sh -c 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done' >id
}

# eventually COMMAND…: within five seconds it succeeds.
eventually() {
    for _ in $(seq 50); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    echo "never: $*"
    return 1
}

@test "the program's output, input and status are the command's" {
    begin
    is "$(rctr exec c echo hello)" hello
    is "$(rctr exec c sh -c 'echo wrong >&2' 2>&1 >/dev/null)" wrong
    is "$(echo words | rctr exec -i c cat)" words
    is "$(echo words | rctr exec c cat)" ""
    is "$(rctr container exec "$(cut -c 1-12 id)" echo by id)" "by id"
    is "$(rctr exec --latest echo the latest)" "the latest"
    local s=0
    rctr exec c sh -c 'exit 7' || s=$?
    is "$s" 7
    s=0
    rctr exec c sh -c 'kill -9 $$' || s=$?
    is "$s" 137
}

@test "much goes through both ways, and the order of the two outputs is kept" {
    begin
    is "$(head -c 5000000 /dev/zero | rctr exec -i c cat | wc -c)" 5000000
    is "$(rctr exec c sh -c 'for i in 1 2 3 4 5 6; do echo $i; echo $i >&2; done' 2>&1 | tr -d '\n')" 112233445566
    rctr exec c yes | head -n 1 | grep -qx y # ends with its reader
    head -c 5000000 /dev/zero | timeout 10 rctr exec -i c true # one that does not read does not hold it up
}

@test "a program that is not there, or cannot be run" {
    begin
    fails_with 127 'exec: "nosuch": executable file not found in $PATH' rctr exec c nosuch
    fails_with 127 "/nosuch" rctr exec c /nosuch
    fails_with 126 "Permission denied" rctr exec c /etc
    rctr exec c sh -c 'echo hello >/t; chmod 755 /t'
    fails_with 126 "exec format error" rctr exec c /t
    fails_with 127 "executable file not found" rctr exec -d c nosuch
    fails_with 125 "must provide a non-empty command" rctr exec c
    fails_with 125 "you must provide at least one name or id" rctr exec
}

@test "a container that is not there, or does not run" {
    fails_with 125 'no container with name or ID "c" found: no such container' rctr exec c true
    rctr create --name c --network none localhost/busybox true >/dev/null
    fails_with 255 "can only create exec sessions on running containers: container state improper" rctr exec c true
    fails_with 125 "container state improper" rctr exec -d c true
    rctr start c >/dev/null
    eventually rctr wait c
    fails_with 255 "container state improper" rctr exec c true
}

@test "the environment is the container's, with words of one's own over it" {
    begin -e A=1 -e B=2
    printf 'B=from file\nD=4\n' >env
    export C=mine E=5
    rctr exec -e C -e A=new --env-file env c env >got
    cat got
    grep -qx A=new got
    grep -qx 'B=from file' got
    grep -qx C=mine got
    grep -qx D=4 got
    grep -q ^PATH= got
    grep -q ^HOME=/root got
    run ! grep -q ^E= got
    run ! grep -q ^TERM= got
    fails_with 125 "nosuch" rctr exec --env-file nosuch c true
}

@test "the values of -e are not shown to the host's users while it runs" {
    begin
    rctr exec -e TOKEN=secretword c sh -c 'echo go; sleep 3' >got &
    eventually grep -q go got
    is "$(tr '\0' ' ' <"/proc/$!/cmdline" | grep -c secretword)" 0
    wait
}

@test "the user: by name, by number, and none that is not there" {
    begin
    is "$(rctr exec c id -u)" 0
    rctr exec c sh -c 'echo "me:x:0:0::/home/me:/bin/sh" >>/etc/passwd'
    is "$(rctr exec -u me c sh -c 'echo $HOME')" /home/me
    fails_with 125 "unable to find user nosuch: no matching entries in passwd file" rctr exec -u nosuch c true
    for u in 4294967296 -1 0x0 ' 0' 1000:; do
        fails_with 125 "" rctr exec --user="$u" c true
    done
    grep -q "^$(id -un):" /etc/subuid || return 0
    is "$(rctr exec -u 1000:100 c id -u)" 1000
    is "$(rctr exec -u 1000:100 c sed -n 's/^Groups:[[:space:]]*//p' /proc/self/status | tr -d ' ')" 100
    is "$(rctr exec -u 1000 c sh -c 'echo again >/dev/stdout')" again
    fails_with 125 "outside of the range" rctr exec -u 300000 c true
}

@test "the working folder: the container's, one's own, and none outside" {
    begin -w /usr
    is "$(rctr exec c pwd)" /usr
    is "$(rctr exec -w /tmp c pwd)" /tmp
    fails_with 127 "/nosuch" rctr exec -w /nosuch c true
    run ! rctr exec c test -e /nosuch
    fails_with 126 "Not a directory" rctr exec -w /etc/passwd c true || fails_with 127 "Not a directory" rctr exec -w /etc/passwd c true
    fails_with 125 "not absolute" rctr exec -w tmp c true
    rctr exec c ln -s /proc/self/fd /link
    for fd in 0 3 4 5 6 7 8 9 10; do
        run ! rctr exec -w /proc/self/fd/$fd c true
        run ! rctr exec -w /link/$fd c true
        run ! rctr exec -w /link/$fd/../../../../.. c true
    done
    fails_with 126 "/proc" rctr exec -w /./proc c true
}

@test "capabilities, no_new_privs, filter and limits are the container's" {
    begin --cap-drop chown --ulimit nofile=99:99
    rctr exec c cat /proc/self/status >got
    grep -q 'CapBnd:.00000000800405fa' got
    grep -q 'CapEff:.00000000800405fa' got
    grep -q 'CapInh:.0000000000000000' got
    grep -q 'CapAmb:.0000000000000000' got
    grep -q 'NoNewPrivs:.1' got
    grep -q 'Seccomp:.2' got
    is "$(rctr exec c sh -c 'ulimit -n')" 99
    is "$(rctr exec c sh -c umask)" 0022
    rctr exec --privileged c grep -E 'CapEff|Seccomp:' /proc/self/status >got
    grep -q 'CapEff:.000001ffffffffff' got
    grep -q 'Seccomp:.2' got
}

@test "what stands in for a control group counts, too" {
    begin --oom-score-adj 500 --limits best-effort -m 2g --cpuset-cpus 0
    is "$(rctr exec c cat /proc/self/oom_score_adj)" 500
    is "$(rctr exec c sh -c 'ulimit -v')" "$(rctr exec c sh -c 'sed -n "s/^Max address space *\([0-9]*\).*/\1/p" /proc/1/limits' | awk '{ print $1 == "" ? "unlimited" : $1 / 1024 }')"
    is "$(rctr exec c grep Cpus_allowed_list /proc/self/status)" "$(rctr exec c grep Cpus_allowed_list /proc/1/status)"
}

@test "a profile of one's own counts for exec, too" {
    cat >p.json <<'END2'
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
END2
    begin --security-opt seccomp=p.json
    run ! rctr exec c mkdir /x
    run ! rctr exec --privileged c mkdir /x
    rctr exec c touch /x
}

@test "all namespaces are the container's" {
    begin
    local kind
    for kind in cgroup ipc mnt net pid user uts; do
        is "$(rctr exec c readlink /proc/self/ns/$kind)" "$(rctr exec c readlink /proc/1/ns/$kind)"
        run ! [ "$(rctr exec c readlink /proc/self/ns/$kind)" = "$(readlink /proc/self/ns/$kind)" ]
    done
    is "$(rctr exec c hostname)" "$(cut -c 1-12 id)"
}

@test "a container that shares the host's network is entered" {
    rctr run -d --name c --network host --uts host --ipc host localhost/busybox sleep 100 >/dev/null
    is "$(rctr exec c readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
    is "$(rctr exec c hostname)" "$(hostname)"
}

@test "a container with an init of rctr's own is entered" {
    begin --init
    is "$(rctr exec c readlink /proc/self/ns/pid)" "$(rctr exec c readlink /proc/2/ns/pid)"
    rctr exec -d c sleep 0.2 >/dev/null
}

@test "-d prints an id and leaves the program to the container, with no process beside it" {
    begin
    rctr exec -d c sh -c 'echo $PPID >/parent; sleep 100' >got
    grep -qxE '[0-9a-f]{64}' got
    eventually rctr exec c grep -qx 1 /parent
    rctr exec c ps | grep -q "sleep 100"
    is "$(pgrep -cu "$(id -u)" -f 'rctr exec -d' || true)" 0
}

@test "signals are passed on" {
    begin
    rctr exec c sh -c 'trap "echo usr1; exit 9" USR1; echo ready; while :; do sleep 0.1; done' >got &
    eventually grep -q ready got
    kill -USR1 $!
    local s=0
    wait $! || s=$?
    is "$s" 9
    grep -qx usr1 got
}

@test "a command that is killed takes its program with it" {
    begin
    rctr exec c sh -c 'echo ready; exec sleep 77' >got &
    eventually grep -q ready got
    kill -9 $!
    wait $! || true
    eventually sh -c '! rctr exec c ps | grep -q "sleep 77"'
}

@test "killed at any moment, it leaves no program and no process" {
    begin
    for _ in $(seq 40); do
        rctr exec c sleep 7654321 &
        local client=$!
        sleep "0.00$((RANDOM % 60))"
        kill -9 $client 2>/dev/null || true
        wait $client 2>/dev/null || true
    done
    eventually sh -c '! rctr exec c ps | grep -E "sleep 7654321|rctr:"'
    for process in /proc/[0-9]*; do
        run ! grep -q 'sleep.7654321' "$process/cmdline"
    done
}

@test "what happens is told as events" {
    begin
    rctr exec c sh -c 'exit 3' || true
    rctr exec -d c true >id
    grep '"Action":"exec"' "$RCTR_STATE/events" | grep -q "$(cat id)"
    is "$(grep -c '"Action":"exec"' "$RCTR_STATE/events")" 2
    grep '"Action":"exec_died"' "$RCTR_STATE/events" | grep -q '"exitCode":"3"'
}

@test "a command that is stopped, or waits for its reader, does not hold up the container's end" {
    begin
    rctr exec c sh -c 'echo ready; exec sleep 100' >got &
    eventually grep -q ready got
    kill -STOP $!
    rctr exec c yes | sleep 100 &
    sleep 0.5
    is "$(timeout 10 rctr rm -f -t 0 c)" c
    kill -CONT %1
    local s=0
    wait %1 || s=$?
    is "$s" 137
    kill %2
}

@test "the container's end is the program's end" {
    begin
    rctr exec c sh -c 'echo ready; sleep 100' >got &
    eventually grep -q ready got
    rctr rm -f -t 0 c >/dev/null
    local s=0
    wait $! || s=$?
    is "$s" 137
}

@test "a terminal of the container's own: size, keys, ctrl-c" {
    begin
    in_pty '|RESIZE|x\n' rctr exec -it c sh -c 'stty size; echo READY; read x; stty size; tty; echo $TERM' >got
    cat got
    grep -q '24 80' got
    grep -q '33 111' got
    grep -q /dev/pts/0 got
    grep -q xterm got
    grep -q 'STATUS 0' got
    in_pty '\x03' rctr exec -it c sh -c 'trap "echo INTERRUPTED; exit 7" INT; echo READY; while :; do sleep 0.1; done' >got
    cat got
    grep -q INTERRUPTED got
    grep -q 'STATUS 7' got
}

@test "detach keys leave the program running on its terminal" {
    begin
    in_pty '\x10\x11' rctr exec -it c sh -c 'echo READY; for i in 1 2 3 4 5 6 7 8 9 10; do echo much; sleep 0.3; done; echo done >/done' >got
    cat got
    grep -q 'STATUS 0' got
    run ! rctr exec c cat /done
    eventually rctr exec c cat /done
    in_pty 'zz' rctr exec --detach-keys z,z -it c sh -c 'echo READY; sleep 2' >got
    grep -q 'STATUS 0' got
    fails_with 125 "detach-keys" rctr exec --detach-keys ctrl-1 c true
}

@test "-d -t gives a terminal that nobody looks at" {
    begin
    rctr exec -d -t c sh -c 'tty >/tty; sleep 0.5; echo much; echo alive >>/tty' >/dev/null
    eventually rctr exec c grep -q alive /tty
    is "$(rctr exec c head -n 1 /tty)" /dev/pts/0
}

@test "with each storage driver" {
    local driver
    for driver in overlay fuse-overlayfs copy; do
        RCTR_STORAGE_DRIVER=$driver begin
        is "$(rctr exec -u root -w /etc c sh -c 'echo hello >new; cat new; ls passwd' | tr '\n' ' ')" "hello passwd "
        rctr rm -f -t 0 c >/dev/null
    done
}

@test "200 at once do not wait for each other" {
    begin
    local pids=() pid
    for _ in $(seq 200); do
        rctr exec c true &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    is "$(rctr exec c ps | grep -c true || true)" 0
}

@test "--preserve-fds gives descriptors on, and no others" {
    begin
    is "$(echo extra | rctr exec --preserve-fds 1 c cat /proc/self/fd/3 3<&0)" extra
    exec 7</etc/passwd
    is "$(rctr exec c sh -c 'ls /proc/self/fd | wc -l')" 4 # and the folder that ls reads
    fails_with 125 "file descriptor 3 is not available" rctr exec --preserve-fds 1 c true 3<&-
}

# ---- attacks from inside ----

@test "the caller's terminal and files do not get inside" {
    begin
    echo content >file
    rctr exec -i c sh -c 'ls -l /proc/self/fd; echo evil >/proc/self/fd/0' <file >out 2>&1 || true
    is "$(cat file)" content
    run ! grep -q /file out
    rctr exec c sh -c 'chmod 4777 /proc/self/fd/1; echo x >/proc/self/fd/1' >target || true
    is "$(stat -c %a target)" "$(stat -c %a file)"
    run ! rctr exec -i c ls /proc/self/fd/0/ </
    in_pty '' rctr exec c sh -c 'test -t 0 || test -t 1 || test -t 2 || echo NONE' >got
    grep -q NONE got
}

@test "nothing of rctr's process can be looked at from inside before the program runs" {
    begin
    CANARY=birdsong rctr exec -d c sh -c '
        while [ ! -e /stop ]; do
            for p in /proc/[0-9]*; do
                grep -l "bird[s]ong" $p/environ; grep -l "whis[t]le" $p/cmdline
                [ "$(readlink $p/exe)" = "${p#/proc/}" ] || readlink $p/exe $p/cwd $p/root
                ls -l $p/fd
            done
        done >/seen 2>/dev/null' >/dev/null
    for _ in $(seq 60); do
        CANARY=birdsong rctr exec -e SONG=whistle c true
    done
    rctr exec c touch /stop
    sleep 0.3
    rctr exec c cat /seen >seen
    [ -s seen ]
    run ! grep -E 'environ|cmdline|rctr|memfd|socket:|/home|unreachable' seen
}

@test "rctr's program file cannot be reached through exec" {
    cp "$(command -v rctr)" own && chmod 755 own # a copy that the user may write to
    begin
    local before after
    before=$(sha256sum <own)
    rctr exec c sh -c 'printf "#!/proc/self/exe\n" >/script; chmod 755 /script'
    ./own exec c /script || true
    ./own exec c /proc/self/exe version || true
    ./own exec -d c sh -c 'for i in 1 2 3 4 5 6 7 8 9; do for p in /proc/[0-9]*/exe; do echo x >$p; done; done' 2>/dev/null || true
    for _ in 1 2 3 4 5; do ./own exec c true; done
    after=$(sha256sum <own)
    is "$after" "$before"
}

@test "a FIFO or a link as /etc/passwd, and other things in /dev, do not hold it up" {
    begin
    rctr exec c sh -c 'rm /etc/passwd; mkfifo /etc/passwd'
    fails_with 125 "not a regular file" timeout 10 rctr exec c true
    fails_with 125 "not a regular file" timeout 10 rctr exec -u someone c true
    is "$(rctr rm -f -t 0 c)" c
    begin
    rctr exec c sh -c 'rm /etc/passwd; ln -s /proc/self/fd/0 /etc/passwd'
    fails_with 125 "" timeout 10 rctr exec -u someone c true
}

@test "a link in the place of /dev/null does not lead out, with all capabilities neither" {
    begin --privileged
    echo canary >canary
    rctr exec c umount -l /dev/null
    for fd in 0 1 2 3 4 5 6 7 8 9 10 11 12; do
        # pipes all around, so that this one needs no /dev/null
        echo | rctr exec -i c sh -c "rm -f /dev/null; ln -s /proc/self/fd/$fd/../canary /dev/null; ls -l /dev/null" 2>err | grep -q canary
        if rctr exec c sh -c 'echo evil; echo evil >&2' </ >/dev/null 2>err; then return 1; fi
        if rctr exec -i c sh -c 'echo evil' <canary >/dev/null 2>err; then return 1; fi
        cat err
        grep -q "standard input and output" err
    done
    is "$(cat canary)" canary
}

@test "what is not a terminal's multiplexer is not taken for one" {
    begin --privileged
    rctr exec c umount -l /dev/pts
    fails_with 125 "cannot open a terminal" rctr exec -t c true
    for to in 'ln -s /proc/self/fd/0' 'ln -s ../zero' 'mkfifo' 'touch'; do
        rctr exec c sh -c "rm -f /dev/pts/ptmx; $to /dev/pts/ptmx"
        fails_with 125 "cannot open a terminal" timeout 10 rctr exec -t c true
    done
    rctr exec c true
}

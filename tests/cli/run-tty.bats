load common
load pty

@test "a terminal has the caller's size, and follows it" {
    in_pty '|RESIZE|x\n' rctr run --rm -it --network none localhost/busybox \
        sh -c 'stty size; echo READY; read x; stty size; tty' >got
    cat got
    grep -q '24 80' got
    grep -q '33 111' got
    grep -q '/dev/pts/0' got
    grep -q 'STATUS 0' got
}

@test "keys go to the program, ctrl-c is a signal inside" {
    in_pty '\x03' rctr run --rm -it --network none localhost/busybox \
        sh -c 'trap "echo INTERRUPTED; exit 7" INT; echo READY; while :; do sleep 0.1; done' >got
    cat got
    grep -q INTERRUPTED got
    grep -q 'STATUS 7' got
}

@test "ctrl-p ctrl-q detaches and leaves the container running" {
    in_pty '\x10\x11' rctr run --name d -it --network none localhost/busybox sh -c 'echo READY; sleep 3; exit 5' >got
    cat got
    grep -q 'STATUS 0' got
    grep -q '"running"' "$RCTR_STATE"/containers/*/record.json
    sleep 4
    grep -q '"exited"' "$RCTR_STATE"/containers/*/record.json
}

@test "other detach keys, and keys that only begin like them" {
    in_pty 'a\x10b\n' rctr run --rm -it --network none localhost/busybox sh -c 'stty -icanon -echo; echo READY; head -c 3 | od -c' >got
    cat got
    grep -q 'a 020   b' got
    in_pty 'zz' rctr run --rm --detach-keys z,z -it --network none localhost/busybox sh -c 'echo READY; sleep 2' >got
    grep -q 'STATUS 0' got
    fails_with 125 "detach-keys" rctr run --detach-keys ctrl-1 --rm localhost/busybox true
}

@test "-t gives TERM and /dev/console; without a terminal -it is refused" {
    in_pty '' rctr run --rm -t --network none localhost/busybox sh -c 'echo $TERM; test -c /dev/console && echo console' >got
    cat got
    grep -q xterm got
    grep -q console got
    fails_with 125 "the input device is not a TTY" rctr run --rm -it localhost/busybox true </dev/null
}

@test "the terminal is as before afterwards" {
    in_pty '' sh -c 'stty -a >before; rctr run --rm -it --network none localhost/busybox true; stty -a >after; cmp before after && echo SAME' >got
    cat got
    grep -q SAME got
}

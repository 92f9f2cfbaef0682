# also: single-uid
# rctr init: set up, and held back.
load common
load lifecycle

state() { rctr inspect --format '{{.State.Status}}' "$1"; }

@test "the program begins when it is started, and not before" {
    rctr create --name c --network none -v "$PWD:/out" localhost/busybox sh -c 'touch /out/begun; exit 3' >/dev/null
    is "$(rctr init c)" c
    is "$(state c)" initialized
    pid=$(field c .init.pid)
    grep -q ' /out ' "/proc/$pid/mountinfo"
    [ ! -e begun ]
    rctr start -a c && false || is $? 3
    [ -e begun ]
    is "$(state c)" exited
}

@test "it stays held when its starter is gone, and start prints the name" {
    rctr create --name c --network none localhost/busybox sleep 60 >/dev/null
    rctr init c
    sleep 0.2
    is "$(state c)" initialized
    is "$(rctr start c)" c
    is "$(state c)" running
    rctr stop -t 0 c
}

@test "stop and rm take down what is held, at once" {
    rctr create --name c --network none localhost/busybox sleep 60 >/dev/null
    rctr init c
    timeout 5 rctr stop c
    is "$(state c)" created
    rctr init c
    timeout 5 rctr rm -f c
    [ ! -e "$RCTR_STATE/names/c" ]
}

@test "a program that is not there is found at the start" {
    rctr create --name c --network none localhost/busybox nosuch >/dev/null
    rctr init c
    fails_with 127 "executable file not found" rctr start c
    is "$(state c)" created
}

@test "what does run cannot be set up; of several the others are" {
    rctr run -d --name a --network none localhost/busybox sleep 60 >/dev/null
    rctr create --name b --network none localhost/busybox true >/dev/null
    fails_with 125 "container a is running already" rctr init b a
    is "$(state b)" initialized
    fails_with 125 "no such container" rctr init nosuch
    rctr rm -f -t 0 a b
}

@test "the monitor of a held one is killed: so is what was held, and the next command says so" {
    rctr create --name c --network none localhost/busybox sleep 60 >/dev/null
    rctr init c
    pid=$(field c .init.pid)
    slay c
    eventually gone "$pid"
    rctr start c
    is "$(state c)" running
    rctr stop -t 0 c
}

#!/usr/bin/env bats
# What a build shows: STEP lines, a live view on a terminal, JSON for programs.
load common
load pty

bats_require_minimum_version 1.5.0

setup() {
    common_setup
    mkdir "$BATS_TEST_TMPDIR/ctx"
    cd "$BATS_TEST_TMPDIR/ctx"
}

@test "plain: STEP lines, keys of steps, and the same keys from the cache" {
    printf 'FROM localhost/busybox\nRUN echo words\nENV A=b\n' >Dockerfile
    rctr build --progress plain . >first 2>err
    has "$(cat first)" "STEP 2/3: RUN echo words"
    has "$(cat first)" "words"
    key=$(grep -A 2 'STEP 2/3' first | sed -n 's/^--> //p')
    [[ $key =~ ^[0-9a-f]{12}$ ]]
    rctr build . >second 2>err
    has "$(cat second)" "--> Using cache $key"
    is "$(grep -c 'Using cache' second)" 2
    [[ $(cat first second err) != *$'\033'* ]]
}

@test "plain: lines of stages side by side are whole and begin with their stage" {
    [ "$(nproc)" -gt 1 ] || skip "one core: one stage at a time"
    printf 'FROM localhost/busybox AS a\nRUN for i in 1 2 3; do printf he; sleep 0.2; echo llo; done; printf end\nFROM localhost/busybox AS b\nRUN for i in 1 2 3; do printf wo; sleep 0.2; echo rld; done\nFROM scratch\nCOPY --from=a /bin/sh /a\nCOPY --from=b /bin/sh /b\n' >Dockerfile
    rctr build --progress plain . >out 2>err
    is "$(grep -c '^\[1/3\] hello$' out)" 3
    is "$(grep -c '^\[2/3\] world$' out)" 3
    is "$(grep -c '^\[1/3\] end$' out)" 1
    is "$(grep -c '^\[3/3\] STEP 3/3: COPY --from=b /bin/sh /b$' out)" 1
}

@test "rawjson: each line of standard error is an object; the id alone is on standard output" {
    printf 'FROM localhost/busybox AS only\nRUN echo words; echo "\\377" >&2\nENV A=b\n' >Dockerfile
    rctr build -t named --progress rawjson . >out 2>err
    [[ $(cat out) =~ ^[0-9a-f]{64}$ ]]
    is "$(jq -r 'select(.event) | .event' err | sort | uniq -c | awk '{ printf "%s %s ", $2, $1 }')" "done 3 image 1 output 2 step 3 "
    is "$(jq -r 'select(.event == "output" and .stream == 1) | "\(.stage_name) \(.step)/\(.steps) \(.line) \(.text)"' err)" "only 2/3 2 words"
    is "$(jq -r 'select(.event == "image") | .id' err)" "$(cat out)"
    printf 'FROM localhost/busybox\nRUN exit 3\n' >Dockerfile
    rctr build --progress json . 2>err >out || is $? 3
    is "$(grep '^{' err | jq -r 'select(.event == "failed") | "\(.status) \(.line)"')" "3 2"
}

@test "quiet and none: nothing but the id, and what a failed step wrote" {
    printf 'FROM localhost/busybox\nRUN echo words\n' >Dockerfile
    for word in quiet none; do
        rctr build --no-cache --progress $word . >out 2>err
        [[ $(cat out) =~ ^[0-9a-f]{64}$ ]]
        [ ! -s err ]
    done
    printf 'FROM localhost/busybox\nRUN echo why; exit 4\n' >Dockerfile
    rctr build -q . >out 2>err || is $? 4
    has "$(cat err)" "  why"
    [ ! -s out ]
}

@test "on a terminal: live lines with the last output, no wider than the terminal, and they go" {
    export TERM=xterm
    printf 'FROM localhost/busybox AS one\nRUN for i in 1 2 3 4; do echo "line $i of a long output that is wider than a narrow terminal"; sleep 0.2; done\nENV A=b\n' >Dockerfile
    for columns in 30 100; do
        in_pty '' sh -c "stty cols $columns; exec rctr build --no-cache --progress auto ." >out
        grep -q 'STATUS 0' out
        grep -q 'line [34] of a long' out
        grep -q '\[one 2/3\] RUN' out
        sed 's/\x1b\[[0-9;]*[A-Za-z]//g' out | grep -v '^STATUS\|^[0-9a-f]\{64\}$' >live
        [ "$(awk '{ if (length > n) n = length } END { print n }' live)" -lt $columns ] || { cat live; false; }
    done
    in_pty '' rctr build . >out
    has "$(cat out)" "[one 2-3/3] CACHED 2 steps"
    is "$(grep -c CACHED out)" 1
}

@test "on a terminal: a failed step's whole output stays, without what a terminal would obey" {
    export TERM=xterm
    printf 'FROM localhost/busybox\nRUN for i in 1 2 3 4 5 6 7 8 9; do printf "out \\033[7m$i\\033c\\n"; done; exit 6\n' >Dockerfile
    in_pty '' rctr build . >out
    is "$(grep -c '^  out [1-9]$' out)" 9
    has "$(cat out)" "FAILED RUN for"
    has "$(cat out)" "Dockerfile:2:"
    has "$(cat out)" "STATUS 6"
    [[ $(cat out) != *$'\033c'* && $(cat out) != *$'\033[7m'* ]]
}

@test "NO_COLOR, TERM=dumb, and Ctrl-C" {
    printf 'FROM localhost/busybox\nRUN echo READY; sleep 60\n' >Dockerfile
    TERM=xterm NO_COLOR=1 in_pty '\x03' rctr build . >out
    has "$(cat out)" "FAILED RUN echo READY"
    ! grep -q $'\033\[[0-9;]*m' out
    has "$(cat out)" "STATUS -2"
    is "$(still_running sleep)" ""
    printf 'FROM localhost/busybox\nRUN true\n' >Dockerfile
    TERM=dumb in_pty '' rctr build . >out
    has "$(cat out)" "STEP 2/2: RUN true"
    ! grep -q $'\033' out
}

@test "--progress with another word is refused" {
    printf 'FROM localhost/busybox\n' >Dockerfile
    fails_with 125 "--progress: 'bars' is not one of auto, plain, tty, rawjson, quiet, none" rctr build --progress bars .
}

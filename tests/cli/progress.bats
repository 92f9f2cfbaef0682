# --progress of pull, push, load and save: live lines on a terminal, plain lines in a pipe, JSON for programs.

load common
load pty

bats_require_minimum_version 1.5.0

setup() {
    common_setup
    [ -n "${RCTR_TEST_REGISTRY:-}" ] || skip "no registry for the tests (tests/run.sh starts one)"
    image=$RCTR_TEST_REGISTRY/test/layers:30
}

# Every line of FILE is a JSON object with a phase and a time that does not go back; prints the phases.
phases() {
    python3 - "$1" <<'END'
import json, sys
words = {"resolve", "wait", "download", "upload", "read", "write", "unpack", "retry", "done", "exists", "mounted", "config", "manifest"}
before = 0
for line in open(sys.argv[1]):
    o = json.loads(line)
    assert o["phase"] in words, line
    assert o["seconds"] >= before, line
    before = o["seconds"]
    if "layer" in o:
        assert 0 <= o["layer"] < o["layers"], line
        assert o["done_bytes"] >= 0 and o["bytes_per_second"] >= 0, line
        assert "total_bytes" not in o or o["done_bytes"] <= o["total_bytes"], line
        assert len(o.get("digest", "sha256:" + "0" * 64)) == 71, line
    print(o["phase"])
END
}

@test "pull in a pipe: a plain line for each layer, nothing of a terminal's" {
    run --separate-stderr rctr pull --tls-verify=false $image
    is "$status" 0
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    is "$(grep -c '^Copying blob sha256:[0-9a-f]* done$' <<<"$stderr")" 30
    [[ $stderr != *$'\033'* && $stderr != *$'\r'* ]]
    is "$(tail -n 1 <<<"$stderr")" "Writing manifest to image destination"
}

@test "pull --progress none and -q: the id is all" {
    for option in --progress=none -q "-q --progress=json"; do
        rctr pull $option --tls-verify=false $image >out 2>err
        [[ $(cat out) =~ ^[0-9a-f]{64}$ ]]
        [ ! -s err ]
    done
}

@test "pull --progress json: each line of standard error is an object" {
    rctr pull --progress json --tls-verify=false $image >out 2>err
    [[ $(cat out) =~ ^[0-9a-f]{64}$ ]]
    phases err >words
    is "$(head -n 1 words)" resolve
    is "$(tail -n 1 words)" manifest
    is "$(grep -c '^done$' words)" 30
    is "$(jq -rs 'map(select(.phase == "done")) | map(.layer) | unique | length' err)" 30
    is "$(jq -rs 'map(select(.phase == "done") | .done_bytes == .total_bytes) | all' err)" true
    rctr pull --progress json --tls-verify=false $image >out 2>err
    is "$(phases err | grep -c '^exists$')" 30
}

@test "push --progress json: layers of several processes, with the bytes that go" {
    rctr pull -q --tls-verify=false $image
    rctr push --progress json --tls-verify=false $image $RCTR_TEST_REGISTRY/progress/$RANDOM$RANDOM:1 >out 2>err
    [ ! -s out ]
    phases err >words
    is "$(grep -c '^done$\|^mounted$\|^exists$' words)" 30
    is "$(tail -n 2 words | tr '\n' ' ')" "config manifest "
}

@test "save and load --progress json: the bytes of each layer" {
    rctr pull -q --tls-verify=false $image
    for format in docker-archive oci-archive oci-dir; do
        rctr save --progress json --format $format -o $format.out $image 2>err
        is "$(phases err | grep -c '^done$')" 30
        is "$(jq -rs 'map(select(.phase == "done") | .layer) | unique | length' err)" 30
        RCTR_STATE=$BATS_TEST_TMPDIR/$format rctr load --progress json -i $format.out >out 2>err
        has "$(cat out)" "Loaded image: $image"
        is "$(phases err | grep -c '^done$')" 30
        RCTR_STATE=$BATS_TEST_TMPDIR/$format rctr load --progress json -i $format.out 2>err >/dev/null
        is "$(phases err | sort -u)" exists
    done
}

@test "image copy --progress json: each layer is read and written" {
    mkdir dir
    rctr image copy --progress json --src-tls-verify=false $image dir:dir 2>err
    phases err >words
    is "$(grep -c '^done$' words)" 30
    grep -q '^download$' words
    is "$(tail -n 1 words)" manifest
    rctr image copy --progress none --src-tls-verify=false $image dir:other 2>err
    [ ! -s err ]
    rctr image copy --progress plain --dest-tls-verify=false dir:dir $RCTR_TEST_REGISTRY/progress/$RANDOM$RANDOM:1 2>err
    is "$(grep -c '^Copying blob sha256:[0-9a-f]* done$' err)" 30
}

@test "a layer that is here is not unpacked again, also when its compressed form has gone" {
    rctr pull -q --tls-verify=false $RCTR_TEST_REGISTRY/test/debian:12
    for format in docker-archive oci-archive; do
        rctr save -q --format $format -o $format.out $RCTR_TEST_REGISTRY/test/debian:12
        find "$RCTR_STATE/blobs/sha256" -size +1M -delete
        rctr load --progress json -i $format.out 2>err
        is "$(phases err)" exists
        is "$(ls "$RCTR_STATE/tmp")" ""
    done
}

@test "on a terminal: no line is longer than the terminal is wide, and the live ones go" {
    for columns in 30 60 100; do
        export RCTR_STATE=$BATS_TEST_TMPDIR/state$columns TERM=xterm
        in_pty '' sh -c "stty cols $columns; exec rctr pull --tls-verify=false $RCTR_TEST_REGISTRY/test/debian:12" >out
        grep -q 'STATUS 0' out
        grep -q '^.\[1A.*unpacking\|downloading' out || [ $columns = 30 ]
        # the colours and the cursor's moves take no room; the lines that stay may be longer
        sed 's/\x1b\[[0-9;]*[A-Za-z]//g' out | grep -v '^Copying\|^Trying\|^Writing\|^STATUS\|^[0-9a-f]\{64\}$' >live
        [ -s live ]
        [ "$(awk '{ if (length > n) n = length } END { print n }' live)" -lt $columns ] || { cat live; false; }
        tail -n 3 out | grep -q '^Writing manifest'
    done
}

@test "NO_COLOR and TERM=dumb are respected" {
    export TERM=xterm
    in_pty '' env NO_COLOR=1 rctr pull --tls-verify=false $RCTR_TEST_REGISTRY/test/debian:12 >out
    grep -q 'unpacking\|downloading' out
    ! grep -q $'\033\[32m' out
    export RCTR_STATE=$BATS_TEST_TMPDIR/dumb
    in_pty '' env TERM=dumb rctr pull --tls-verify=false $image >out
    ! grep -q $'\033' out
    grep -q 'STATUS 0' out
}

@test "--progress with another word is refused" {
    fails_with 125 "--progress: 'bars' is not one of auto, tty, plain, json, none" rctr pull --progress bars $image
    fails_with 125 "--progress: 'bars' is not one of" rctr push --progress bars localhost/busybox a.example/b
}

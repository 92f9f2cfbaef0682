#!/usr/bin/env bats
# rctr where the machine, the store's path or the caller's standard files are not as usual.
bats_require_minimum_version 1.5.0
load common

hello() {
    is "$(rctr run --rm --network none localhost/busybox echo hello)" hello
}

@test "a state folder may have any name, with each driver" {
    local name
    for RCTR_STORAGE_DRIVER in overlay fuse-overlayfs copy; do
        export RCTR_STORAGE_DRIVER
        for name in 'co:lon' 'com,ma' 'back\slash' 'end\' $'new\nline' "quo'te\"" $'not\xffutf8' 'lower,upper=:\,x'; do
            export RCTR_STATE=$BATS_TEST_TMPDIR/$RCTR_STORAGE_DRIVER/$name
            echo "$RCTR_STORAGE_DRIVER $name"
            hello
        done
    done
}

@test "a folder that is no store keeps its mode" {
    mkdir -m 755 "$RCTR_STATE"
    touch "$RCTR_STATE/file"
    fails_with 125 "is not a state folder of rctr" rctr images
    is "$(stat -c %a "$RCTR_STATE")" 755
}

@test "a reader that goes ends the program, as in any pipeline" {
    is "$(timeout 10 rctr run --rm --network none localhost/busybox yes 2>stderr | head -n 1)" y
    is "$(ls "$RCTR_STATE/containers")" ""
}

@test "output that cannot be written is a failure, not a note" {
    rctr run --rm --network none localhost/busybox true
    fails_with 125 "standard output is lost: cannot write: No space left on device" \
        sh -c 'rctr run --rm --network none localhost/busybox echo hello >/dev/full'
}

@test "a limit of the size of files is an error in words" {
    hello
    run -125 bash -c 'ulimit -f 0; exec rctr run --rm localhost/busybox true'
    has "$output" "Error: "
    has "$output" "File too large"
    rctr system check
}

@test "inside of user namespaces of others" {
    need_command unshare
    hello
    is "$(unshare -Ur rctr run --rm --network none localhost/busybox echo hello)" hello
    is "$(rctr unshare rctr run --rm --network none localhost/busybox echo hello)" hello
}

@test "inside of a namespace without the caller's range" {
    need_command unshare
    is "$(unshare -Uc env "RCTR_STATE=$BATS_TEST_TMPDIR/other" rctr run --rm --network none localhost/busybox echo hello)" hello
}

@test "a host name that the kernel cannot take is refused by its length" {
    fails_with 125 "65 letters, the kernel takes at most 64" \
        rctr run --rm -h "$(printf 'h%.0s' $(seq 65))" localhost/busybox true
}

@test "an image whose /etc only root may enter" {
    mkdir -p "$BATS_TEST_TMPDIR/root/bin" "$BATS_TEST_TMPDIR/root/etc" data/images
    cp /bin/busybox root/bin/sh
    echo 'root:x:0:0::/there:/bin/sh' >root/etc/passwd
    tar -C root --owner=0 --group=0 --mode=a-rwx -cf etc.tar etc/passwd
    rm -f root/etc/passwd
    oci_pack root >root.tar
    oci_new oci '{"Cmd":["/bin/sh","-c","echo $HOME"]}' root.tar etc.tar
    tar -C oci -cf data/images/closed.tar .
    is "$(RCTR_DATADIR=$PWD/data rctr run --rm --network none localhost/closed)" /there
}

@test "a low limit of open files is raised where it may be, and else named" {
    rctr run --rm --network none localhost/busybox true
    is "$(bash -c 'ulimit -S -n 64; rctr run --rm --network none localhost/busybox sh -c "ulimit -n"')" 64
    fails_with 125 "ulimit -n" bash -c 'ulimit -n 64; rctr run --rm --network none localhost/busybox true'
}

load common
bats_require_minimum_version 1.5.0

run_in() {
    rctr run --rm --network none "$@"
}

status_of() { # FIELD words…
    local field=$1
    shift
    run_in "$@" localhost/busybox grep "^$field:" /proc/self/status | tr -d '\t' | cut -d: -f2
}

@test "capabilities are the default eleven, inheritable and ambient empty" {
    is "$(status_of CapEff)" 00000000800405fb
    is "$(status_of CapBnd)" 00000000800405fb
    is "$(status_of CapInh)" 0000000000000000
    is "$(status_of CapAmb)" 0000000000000000
    is "$(status_of CapEff --cap-drop all)" 0000000000000000
    is "$(status_of CapEff --cap-drop all --cap-add net_raw)" 0000000000002000
    is "$(status_of CapEff -u 1000)" 0000000000000000
    fails_with 125 "CAP_NET_RAW" run_in --cap-add net_rww localhost/busybox true
}

@test "no_new_privs and seccomp are on, and can be turned off" {
    is "$(status_of NoNewPrivs)" 1
    is "$(status_of Seccomp)" 2
    is "$(status_of NoNewPrivs --security-opt no-new-privileges=false)" 0
    is "$(status_of Seccomp --security-opt no-new-privileges=false)" 2
    is "$(status_of Seccomp --security-opt seccomp=unconfined)" 0
    is "$(status_of Seccomp --privileged)" 0
    fails_with 125 "seccomp" run_in --security-opt seccomp=/nosuch localhost/busybox true
    fails_with 125 "apparmor" run_in --security-opt apparmor=mine localhost/busybox true
}

@test "a profile of one's own is obeyed" {
    cat >p.json <<'END'
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
END
    run ! run_in --security-opt seccomp=p.json localhost/busybox mkdir /x
    run_in --security-opt seccomp=p.json localhost/busybox touch /x
    run ! run_in --security-opt seccomp=p.json localhost/busybox mkdir /x # from the cache
}

@test "what /proc and /sys must not show is masked or read-only" {
    is "$(run_in localhost/busybox sh -c 'cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c')" 0
    run ! run_in localhost/busybox sh -c 'echo 1 >/proc/sys/kernel/panic'
    run ! run_in localhost/busybox sh -c 'echo h >/proc/sysrq-trigger'
    run ! run_in localhost/busybox touch /sys/x
}

@test "only 0, 1 and 2 are open inside" {
    is "$(run_in localhost/busybox sh -c 'ls /proc/self/fd | wc -l')" 4 # and the folder that ls reads
    exec 7</etc/passwd
    is "$(run_in localhost/busybox sh -c 'ls /proc/self/fd | wc -l')" 4
}

@test "the engine's own program cannot be reached from inside" {
    mkdir d && printf '#!/proc/self/exe\n' >d/script && chmod 755 d/script
    cp "$(command -v rctr)" own && chmod 755 own # a copy that the user may write to
    local before after
    before=$(sha256sum <own)
    ./own run --rm --network none -v "$PWD/d:/d" localhost/busybox /d/script || true
    ./own run --rm --network none localhost/busybox /proc/self/exe --version || true
    ./own run --rm --network none -v "$PWD/d:/d" localhost/busybox sh -c 'for p in /proc/[0-9]*/exe; do echo x >$p; done' 2>/dev/null || true
    after=$(sha256sum <own)
    is "$after" "$before"
}

@test "an image with links where /proc, /dev or /sys belong is refused, the host untouched" {
    for name in proc dev sys; do
        rm -rf root canary
        mkdir -p root/bin canary && cp /bin/busybox root/bin/
        ln -s "$PWD/canary" root/$name
        fails_with 125 "symbolic link" run_in --rootfs "$PWD/root" /bin/busybox true
        is "$(ls -A canary)" ""
    done
}

@test "mount points reached through links of the image stay inside" {
    mkdir -p root/bin d canary && cp /bin/busybox root/bin/ && echo hi >d/f
    ln -s "$PWD/canary" root/out
    ln -s ../../../../.. root/up
    run_in --rootfs "$PWD/root" -v "$PWD/d:/out/x" /bin/busybox true || true
    run_in --rootfs "$PWD/root" -v "$PWD/d:/up$PWD/canary" /bin/busybox true || true
    is "$(ls -A canary)" ""
}

@test "a FIFO or a huge file as /etc/passwd does not hang" {
    mkdir -p root/bin root/etc && cp /bin/busybox root/bin/
    mkfifo root/etc/passwd
    fails_with 125 "not a regular file" timeout 10 rctr run --rm --network none --rootfs "$PWD/root" /bin/busybox true
    fails_with 125 "passwd" timeout 10 rctr run --rm --network none -u someone --rootfs "$PWD/root" /bin/busybox true
    rm root/etc/passwd && truncate -s 4G root/etc/passwd
    timeout 10 rctr run --rm --network none --rootfs "$PWD/root" /bin/busybox true || [ $? -eq 125 ]
}

@test "user strings are read strictly" {
    for u in 4294967296 4294967295 -1 0x0 ' 0' 1000: +0 nosuch; do
        fails_with 125 "" run_in --user="$u" localhost/busybox true
    done
    is "$(run_in -u 1000:100 localhost/busybox id -u)" 1000
    is "$(run_in -u 1000:100 localhost/busybox id -G)" 100
    is "$(run_in -u 1000 --group-add 50 localhost/busybox id -G)" "0 50"
    # the primary group is a supplementary one too, so that no program can shed it
    is "$(run_in -u 1000:100 localhost/busybox sed -n 's/^Groups:[[:space:]]*//p' /proc/self/status | tr -d ' ')" 100
    fails_with 125 "outside of the range" run_in -u 300000 localhost/busybox true
}

@test "keep-id makes the caller's files the user's, nomap nobody's" {
    mkdir d && touch d/f
    is "$(run_in --userns keep-id -v "$PWD/d:/d" localhost/busybox stat -c %u /d/f)" "$(id -u)"
    is "$(run_in --userns keep-id localhost/busybox id -u)" "$(id -u)"
    is "$(run_in --userns keep-id:uid=200,gid=210 localhost/busybox id -u)" 200
    is "$(run_in --userns keep-id localhost/busybox stat -c %u /etc/passwd)" 0
    run_in --userns nomap -v "$PWD/d:/d" localhost/busybox stat -c %u /d/f | grep -qx 65534
    is "$(run_in --userns nomap localhost/busybox stat -c %u /etc/passwd)" 0
}

@test "unshare is root of the range, and gives the status on" {
    is "$(rctr unshare id -u)" 0
    local s=0
    rctr unshare sh -c 'exit 9' || s=$?
    is "$s" 9
    rctr unshare sh -c 'touch f && chown 10:10 f && stat -c %u f' | grep -qx 10
    rctr unshare rm f
}

@test "a working directory that leads below /proc by other words is refused" {
    fails_with 125 "/proc" run_in -w /./proc localhost/busybox true
    fails_with 125 "/proc" run_in -w //proc/self localhost/busybox true
    fails_with 125 "/proc" run_in -w /etc/../proc/self/fd localhost/busybox true
}

@test "the terminal of the caller cannot be typed into" {
    is "$(run_in localhost/busybox sh -c 'test -t 0 || test -t 1 || test -t 2 || echo none')" none
}

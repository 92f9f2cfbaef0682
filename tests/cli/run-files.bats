# also: single-uid
load common
bats_require_minimum_version 1.5.0

run_in() {
    rctr run --rm --network none "$@"
}

@test "a bind mount shows the host's files, both ways" {
    mkdir d && echo a >d/f
    is "$(run_in -v "$PWD/d:/mnt" localhost/busybox sh -c 'cat /mnt/f; echo b >/mnt/g')" a
    is "$(cat d/g)" b
    is "$(stat -c %u d/g)" "$(id -u)"
}

@test "a read-only bind cannot be written, a file can be mounted, a missing source is said" {
    mkdir d && echo a >d/f
    run ! run_in -v "$PWD/d:/mnt:ro" localhost/busybox touch /mnt/x
    is "$(run_in -v "$PWD/d/f:/etc/motd:ro" localhost/busybox cat /etc/motd)" a
    fails_with 125 "No such file or directory" run_in --mount type=bind,source="$PWD/none",target=/mnt localhost/busybox true
    is "$(run_in --mount type=bind,src="$PWD/d",dst=/deep/er,ro localhost/busybox cat /deep/er/f)" a
}

@test "options of mounts are read strictly" {
    mkdir d
    fails_with 125 "" run_in -v "$PWD/d:/mnt:rx" localhost/busybox true
    fails_with 125 "" run_in -v "$PWD/d:mnt" localhost/busybox true
    fails_with 125 "duplicate mount destination" run_in -v "$PWD/d:/a" -v "$PWD/d:/a:ro" localhost/busybox true
    run_in -v "$PWD/d:/a" -v "$PWD/d:/a" localhost/busybox true
    fails_with 125 "contradict" run_in -v "$PWD/d:/a:ro,rw" localhost/busybox true
    mkdir 'c,d' && touch 'c,d/f'
    run_in --mount "type=bind,\"src=$PWD/c,d\",dst=/a" localhost/busybox ls /a/f
    fails_with 125 "" run_in --mount type=bind,sorce=/x,target=/a localhost/busybox true
    fails_with 125 "" run_in -v "$PWD/d:/" localhost/busybox true
    fails_with 125 "" run_in -v "$(head -c 70000 /dev/zero | tr '\0' a):/mnt" localhost/busybox true
}

@test "a tmpfs is fresh, sized and private" {
    is "$(run_in --tmpfs /t:size=1m localhost/busybox sh -c 'df -k /t | tail -n 1 | tr -s " " | cut -d" " -f2')" 1024
    run ! run_in --tmpfs /t:size=1m localhost/busybox dd if=/dev/zero of=/t/x bs=1M count=2
    is "$(run_in --mount type=tmpfs,target=/t,tmpfs-size=2m,tmpfs-mode=700 localhost/busybox stat -c %a /t)" 700
}

@test "--read-only makes the root read-only and leaves /dev/shm and tmpfs" {
    run ! run_in --read-only localhost/busybox touch /x
    run_in --read-only --tmpfs /tmp localhost/busybox sh -c 'touch /tmp/x /dev/shm/y'
}

@test "--shm-size is what df says" {
    is "$(run_in --shm-size 3m localhost/busybox sh -c 'df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2')" 3072
    is "$(run_in localhost/busybox sh -c 'df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2')" 65536
}

@test "/dev has the usual devices and nothing of the host's" {
    run_in localhost/busybox ls /dev >got
    for d in null zero full random urandom tty ptmx fd stdin stdout stderr shm pts mqueue; do
        grep -qx $d got
    done
    ! grep -qE '^(vda|sda|mem|kvm)$' got
    run_in localhost/busybox sh -c 'echo x >/dev/null && head -c 4 /dev/zero | wc -c && echo ok >/dev/stdout'
}

@test "--device brings one in" {
    run_in --device /dev/fuse localhost/busybox test -c /dev/fuse
    run_in --device /dev/fuse:/dev/other localhost/busybox test -c /dev/other
    fails_with 125 "not a device" run_in --device /etc/passwd localhost/busybox true
    fails_with 125 "No such file" run_in --device /dev/nosuch localhost/busybox true
}

@test "the root of an image is written to a copy, never to the image" {
    run_in localhost/busybox sh -c 'rm /bin/ls; echo x >/etc/passwd'
    run_in localhost/busybox sh -c 'ls / >/dev/null && grep -q root /etc/passwd'
}

@test "--rootfs runs a folder" {
    mkdir -p root/bin root/proc && cp /bin/busybox root/bin/ && ln -s busybox root/bin/sh
    is "$(run_in --rootfs "$PWD/root" /bin/busybox echo yes)" yes
    fails_with 125 "" run_in --rootfs "$PWD/none" true
}

@test "/etc/hosts, hostname and resolv.conf are the container's own" {
    run_in --add-host db:10.1.2.3 --dns 9.9.9.9 --dns-search example.org -h box localhost/busybox \
        cat /etc/hosts /etc/hostname /etc/resolv.conf >got
    grep -q '10.1.2.3.*db' got
    grep -qx box got
    grep -q 'nameserver 9.9.9.9' got
    grep -q 'search example.org' got
    fails_with 125 "" run_in --add-host 'a b:1.2.3.4' localhost/busybox true
    fails_with 125 "" run_in --dns 300.1.1.1 localhost/busybox true
}

@test "--ulimit and --sysctl arrive" {
    is "$(run_in --ulimit nofile=100:200 localhost/busybox sh -c 'ulimit -n')" 100
    is "$(run_in --sysctl net.ipv4.ip_forward=1 localhost/busybox cat /proc/sys/net/ipv4/ip_forward)" 1
    fails_with 125 "" run_in --sysctl kernel.panic=1 localhost/busybox true
    fails_with 125 "nofile" run_in --ulimit nofile=9999999999 localhost/busybox true
}

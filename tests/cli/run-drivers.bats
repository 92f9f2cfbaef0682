# also: single-uid
load common

write_and_read() {
    is "$(rctr run --rm --network none localhost/busybox sh -c 'echo x >/etc/new && cat /etc/new')" x
    is "$(rctr run --rm --network none localhost/busybox sh -c 'rm -r /usr/sbin && ls -d /usr/sbin 2>&1 | grep -c "No such"')" 1
    rctr run --rm --network none localhost/busybox sh -c 'test -e /etc/passwd && ln /etc/passwd /hard && mkdir -p /a/b && mv /a /c && chmod 4755 /hard && test -u /hard'
    is "$(ls "$RCTR_STATE/containers")" ""
}

@test "each driver gives a writable root that leaves nothing" {
    each_driver write_and_read
    is "$(still_running fuse-overlayfs)" ""
}

other_maps() {
    [ -z "$(sed -n "/^$(id -un):/p" /etc/subuid)" ] && return # no range: no other maps
    is "$(rctr run --rm --network none --userns keep-id localhost/busybox sh -c 'touch /tmp/x; stat -c %u /etc/passwd /tmp/x' | tr '\n' ' ')" "0 $(id -u) "
    is "$(rctr run --rm --network none --userns nomap localhost/busybox sh -c 'touch /x; stat -c %u /x')" 0
    is "$(ls "$RCTR_STATE/containers")" ""
}

@test "each driver knows keep-id and nomap" {
    each_driver other_maps
}

many_layers() {
    is "$(rctr run --rm --network none "$RCTR_TEST_REGISTRY/test/layers:30" sh -c 'ls / | wc -l')" \
        "$(RCTR_STORAGE_DRIVER=copy rctr run --rm --network none "$RCTR_TEST_REGISTRY/test/layers:30" sh -c 'ls / | wc -l')"
}

@test "each driver shows thirty layers as one" {
    need_image test/layers:30
    each_driver many_layers
}

debian() {
    rctr run --rm "$RCTR_TEST_REGISTRY/test/debian:12" sh -c 'apt-get update >/dev/null && dpkg --verify && stat -c "%U:%G %a" /usr/bin/passwd /var/mail' >got || { cat got; return 1; }
    grep -q 4755 got
}

@test "each driver runs a Debian and its apt-get" {
    need_image test/debian:12
    each_driver debian
}

python() {
    is "$(rctr run --rm --network none "$RCTR_TEST_REGISTRY/test/python:3" python3 -c 'print(6*7)')" 42
}

@test "each driver runs python" {
    need_image test/python:3
    each_driver python
}

@test "a driver that is forced and unknown, or cannot work, is said so" {
    fails_with 125 "nosuch" env RCTR_STORAGE_DRIVER=nosuch rctr run --rm localhost/busybox true
}

@test "info says which driver and why" {
    has "$(rctr info)" overlay
    has "$(RCTR_STORAGE_DRIVER=copy rctr info)" RCTR_STORAGE_DRIVER
}

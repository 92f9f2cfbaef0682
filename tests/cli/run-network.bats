load common

@test "none has loopback only" {
    is "$(rctr run --rm --network none localhost/busybox ip -o link | wc -l)" 1
    has "$(rctr run --rm --network none localhost/busybox ip addr show lo)" 'inet 127.0.0.1/8'
}

@test "slirp is the default: its addresses, routes and resolver" {
    rctr run --rm localhost/busybox sh -c 'ip addr; ip route; ip -6 route; cat /etc/resolv.conf' >got
    grep -q 'inet 10.0.2.100/24' got
    grep -q 'default via 10.0.2.2' got
    grep -q 'inet6 fd00::' got
    grep -q 'nameserver 10.0.2.3' got
}

@test "the host's loopback cannot be reached unless asked" {
    python3 -c '
import socket, sys, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
s.settimeout(30)
while True:
    c, _ = s.accept(); c.sendall(b"SECRET\n"); c.close()' >port &
    local pid=$! p
    for _ in $(seq 50); do [ -s port ] && break; sleep 0.1; done
    p=$(cat port)
    for host in 10.0.2.2 127.0.0.1 10.0.2.3 ::1 fd00::2 ::ffff:127.0.0.1; do
        is "$(rctr run --rm localhost/busybox sh -c "nc -w 2 $host $p </dev/null" 2>/dev/null)" ""
    done
    is "$(rctr run --rm --network slirp:allow_host_loopback=true localhost/busybox sh -c "nc -w 2 10.0.2.2 $p </dev/null")" SECRET
    kill $pid
}

@test "the host's network is the host's" {
    is "$(rctr run --rm --network host localhost/busybox readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
    is "$(rctr run --rm --network host localhost/busybox ls /sys/class/net | sort)" "$(ls /sys/class/net | sort)"
}

@test "options of slirp: mtu, cidr, no IPv6" {
    rctr run --rm --network slirp:mtu=1500,cidr=10.9.0.0/24,enable_ipv6=false localhost/busybox ip addr >got
    grep -q 'mtu 1500' got
    grep -q 'inet 10.9.0.100/24' got
    ! grep -q 'inet6 fd00' got
    fails_with 125 "mtu" rctr run --rm --network slirp:mtu=70000 localhost/busybox true
    fails_with 125 "nosuch" rctr run --rm --network slirp:nosuch=1 localhost/busybox true
}

@test "an unknown network is said so" {
    fails_with 125 "network nosuch not found" rctr run --rm --network nosuch localhost/busybox true
    fails_with 125 "--network" rctr run --rm --network container:x localhost/busybox true
}

@test "a name is resolved and a host outside answers" {
    need_image test/debian:12
    rctr run --rm "$RCTR_TEST_REGISTRY/test/debian:12" sh -c 'apt-get update' >got 2>&1 || { cat got; false; }
    grep -q 'Reading package lists' got
}

@test "python's http.server answers inside" {
    need_image test/python:3
    rctr run --rm "$RCTR_TEST_REGISTRY/test/python:3" sh -c '
        cd /etc && python3 -m http.server 8000 >/dev/null 2>&1 &
        python3 - <<END
import time, urllib.request
for _ in range(100):
    try:
        print(urllib.request.urlopen("http://127.0.0.1:8000/hostname").status); break
    except OSError:
        time.sleep(0.1)
END' >got
    is "$(cat got)" 200
}

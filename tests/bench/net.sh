#!/bin/sh
# net.sh - TCP between a container and its host: net/slirp against slirp4netns, in one run.
#
# Usage: tests/bench/net.sh [ROUNDS]    after `make`, in the build folder; needs iperf3, iproute2,
# slirp4netns. Unprivileged. Prints Gbit/s, one line per round and program. pasta is not among them:
# it gives the container the host's own address, so the "host" of this set-up cannot be reached.
set -eu
try=${TRY:-tests/tools/slirp-try}
rounds=${1:-3}
seconds=${SECONDS_EACH:-3}

if [ "${IN_HOST:-}" != yes ]; then
    IN_HOST=yes exec "$try" host "$0" "$@"
fi

client="iperf3 -c 192.0.2.1 -p 5300 -t $seconds -f g"

# speed WAY COMMAND...: one iperf3 run, WAY -R for downloads.
speed() {
    way=$1
    shift
    iperf3 -s -1 -B 192.0.2.1 -p 5300 >/dev/null 2>&1 &
    server=$!
    sleep 0.3
    "$@" $client $way 2>/dev/null | awk '/receiver/ { print $7 }'
    kill $server 2>/dev/null || true
    wait $server || true
}

# measure NAME COMMAND...: COMMAND runs its arguments in a container.
measure() {
    name=$1
    shift
    up=$(speed "" "$@")
    down=$(speed -R "$@")
    printf '%-32s %6s up %6s down\n' "$name" "${up:--}" "${down:--}"
}

rctr() {
    "$try" "$@"
}

rctr_inherited() {
    BOX_CONGESTION='' "$try" "$@"
}

slirp4() {
    unshare --user --map-root-user --net --fork sh -c '
        while ! ip route | grep -q default; do sleep 0.05; done; exec "$@"' sh "$@" &
    pid=$!
    sleep 0.2
    inner=$(cat "/proc/$pid/task/$pid/children")
    slirp4netns -c --disable-host-loopback --mtu=65520 "${inner% }" tap0 >/dev/null 2>&1 &
    slirp=$!
    wait $pid
    kill $slirp 2>/dev/null || true
    wait $slirp 2>/dev/null || true
}

slirp4_reno() {
    slirp4 sh -c 'echo reno >/proc/sys/net/ipv4/tcp_congestion_control; exec "$@"' sh "$@"
}

echo "host's congestion control: $(cat /proc/sys/net/ipv4/tcp_congestion_control)"
for round in $(seq "$rounds"); do
    echo "round $round"
    measure 'rctr (MTU 21885, reno)' rctr
    measure 'rctr, MTU 65520' rctr 65520
    measure 'rctr, inherited congestion' rctr_inherited
    measure 'slirp4netns, MTU 65520' slirp4
    measure 'slirp4netns, MTU 65520, reno' slirp4_reno
done

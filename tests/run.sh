#!/bin/bash
# run.sh - installs what the tests need, builds, and runs all of them.
#
# As root (or through sudo) it makes the users rctr-test (with subordinate ids) and rctr-nosub
# (without), sets the modes of /dev/fuse and /dev/net/tun, makes Debian root file systems, and then
# does everything else as those users, in a copy of the tree. Without root and sudo it tests as you.
#
#   tests/run.sh            everything
#   tests/run.sh --quick    no sanitizers, no distcheck
#
# The last line is "N passed, N failed, N skipped"; each failure and the reason of each skip stand
# above it. A test file of tests/cli with the line "# also: single-uid" runs again as rctr-nosub,
# one with "# also: cgroup" in cgroups that root has given to rctr-test, where the host has v1 ones.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=packaging/packages.sh
. packaging/packages.sh

quick=
stage=all
for word in "$@"; do
    case $word in
    --quick) quick=1 ;;
    --stage=*) stage=${word#*=} ;; # internal: what the users are asked to do
    *) echo "usage: tests/run.sh [--quick]" >&2; exit 2 ;;
    esac
done

say() { printf '\n== %s (%d s)\n' "$*" $SECONDS; }

# --- What the users do, in the copied tree ------------------------------------------------------

# Adds "passed failed skipped" to $RCTR_TEST_COUNTS.
count() { echo "$1 $2 $3" >>"$RCTR_TEST_COUNTS"; }

# The summary that automake printed into a log: "# PASS: 12" and so on, and what failed or skipped.
count_automake() {
    local log=$1 name=$2
    if ! grep -q '^# TOTAL:' "$log"; then
        tail -n 30 "$log"
        echo "FAIL: $name did not get as far as its tests"
        count 0 1 0
        return
    fi
    grep -E '^(FAIL|ERROR|SKIP|XPASS): ' "$log" || true
    count "$(awk '/^# PASS:/ { n += $3 } END { print n + 0 }' "$log")" \
        "$(awk '/^# (FAIL|ERROR|XPASS):/ { n += $3 } END { print n + 0 }' "$log")" \
        "$(awk '/^# SKIP:/ { n += $3 } END { print n + 0 }' "$log")"
}

# automake sees programs, not their tests: one that was skipped inside is told and counted too.
count_inner_skips() {
    local log name
    while read -r log; do
        sed -n 's/^\[  SKIPPED \] \([a-z_0-9]*[a-z][a-z_0-9]*\)$/\1/p' "$log" | sort -u | while read -r name; do
            echo "SKIP: ${log#"$1"/}: $name: $(grep -m 1 '^skipped:' "$log" || echo 'skipped: see the log')"
            count 0 0 1
        done
    done < <(find "$1" -name '*.log' -path '*tests/unit*')
}

# A folder's `make check`; the logs of failed tests are shown, and why one was skipped.
check_in() {
    local folder=$1 name=$2 log=$PWD/$1/check.log
    make -C "$folder" -j"$(nproc)" check >"$log" 2>&1 || true
    count_automake "$log" "$name"
    count_inner_skips "$folder"
    while read -r trs; do
        tail -n 40 "${trs%.trs}.log"
    done < <(find "$folder" -name '*.trs' -exec grep -l '^:test-result: \(FAIL\|ERROR\|SKIP\)' {} +)
}

build_in() { # folder, configure's words...
    local folder=$1
    shift
    mkdir -p "$folder"
    if ! (cd "$folder" && ../configure --quiet "$@" && make -j"$(nproc)") >"$folder.log" 2>&1; then
        tail -n 40 "$folder.log"
        echo "FAIL: the build in $folder"
        count 0 1 0
        return 1
    fi
}

stage_build() {
    say "build"
    autoreconf -fi >autoreconf.log 2>&1 || { cat autoreconf.log; count 0 1 0; return; }
    build_in build --enable-werror --prefix="$PWD/installed" || return 0
    make -C build install >install.log 2>&1 || { tail -n 20 install.log; count 0 1 0; return; }
    say "make check"
    check_in build "make check"
}

# Two bats at a time, a file each; the files' outputs do not mix.
stage_cli() {
    local only=$1 out file
    out=$(mktemp -d)
    [ -x installed/bin/rctr ] || { echo "FAIL: there is no rctr to test"; count 0 1 0; return; }
    export PATH=$PWD/installed/bin:$PATH
    find tests/cli -name '*.bats' | sort | while read -r file; do
        [ "$only" = all ] || grep -q "^# also: $only\$" "$file" || continue
        echo "$file"
    done >"$out/files"
    # shellcheck disable=SC2016 # the inner shell expands it
    xargs -r -P 2 -n 1 sh -c 'timeout 1500 bats --tap "$1" >"$0/$(basename "$1").tap" 2>&1 ||
        echo "# ended with $?" >>"$0/$(basename "$1").tap"' "$out" <"$out/files" || true
    while read -r file; do
        count_tap "$out/$(basename "$file").tap" "$file"
    done <"$out/files"
    rm -rf "$out"
}

count_tap() {
    local tap=$1 file=$2 planned passed failed skipped
    planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$tap" | head -n 1)
    skipped=$(grep -c '^ok .* # skip' "$tap" || true)
    passed=$(($(grep -c '^ok ' "$tap" || true) - skipped))
    failed=$((${planned:-1} - passed - skipped)) # tests that never reported have failed
    echo "$file: $passed passed, $failed failed, $skipped skipped"
    grep -E '^ok .* # skip' "$tap" || true
    [ "$failed" -eq 0 ] || sed -n '/^not ok/,/^ok/p' "$tap" | grep -v '^ok'
    [ -n "$planned" ] || tail -n 20 "$tap"
    count "$passed" "$failed" "$skipped"
}

stage_sanitize() {
    say "make check under ASan and UBSan"
    build_in build-sanitize --enable-sanitize --enable-werror || return 0
    # A leak is a failure too; cmocka's own are none.
    ASAN_OPTIONS=detect_leaks=1 check_in build-sanitize "make check under ASan and UBSan"
}

stage_distcheck() {
    say "make distcheck"
    if make -C build -j"$(nproc)" distcheck >distcheck.log 2>&1; then
        count 1 0 0
    else
        tail -n 40 distcheck.log
        echo "FAIL: make distcheck"
        count 0 1 0
    fi
}

if [ "$stage" != all ]; then
    case $stage in
    build) stage_build ;;
    images) say "images for the tests"; tests/cli/images.sh "$RCTR_TEST_IMAGES" || { echo "FAIL: not all images were made"; count 0 1 0; } ;;
    cli) say "tests/cli"; stage_cli all ;;
    cgroup) say "tests/cli in cgroups of one's own"; stage_cli cgroup ;;
    single-uid) say "tests/cli with a single uid"; stage_cli single-uid ;;
    sanitize) stage_sanitize ;;
    distcheck) stage_distcheck ;;
    esac
    exit 0
fi

# --- The set-up ---------------------------------------------------------------------------------

if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null && sudo -v; then
    exec sudo -- "$PWD/tests/run.sh" "$@"
fi

# shellcheck disable=SC2086 # lists of words
packages_need $packages_build $packages_run $packages_test

if [ "$(id -u)" -eq 0 ]; then
    packages_devices
    packages_user rctr-test
    id rctr-nosub >/dev/null 2>&1 || useradd --create-home --shell /bin/bash rctr-nosub
    sed -i '/^rctr-nosub:/d' /etc/subuid /etc/subgid
    as() { # USER STAGE
        local home
        home=$(getent passwd "$1" | cut -d: -f6)
        runuser -u "$1" -- env -i HOME="$home" USER="$1" PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
            LANG=C.UTF-8 "${environment[@]}" bash -c 'cd "$0" && exec "$@"' "$work/src" tests/run.sh "--stage=$2"
    }
    own() { chown -R rctr-test: "$@"; }
    # exec, not a child of runuser: the pid is the one to kill at the end
    as_tester() { exec setpriv --reuid rctr-test --regid rctr-test --init-groups -- "$@"; }
else
    echo "note: neither root nor sudo: testing as $(id -un), with what is there"
    as() { [ "$1" = rctr-test ] && (cd "$work/src" && env "${environment[@]}" tests/run.sh "--stage=$2"); }
    own() { :; }
    as_tester() { "$@"; }
fi

# Groups of cgroup v1 that the test user may divide. (v2 is tests/vm's: an unprivileged process cannot
# be moved into a delegated folder without the host's systemd.)
cgroups=()
make_cgroups() {
    local kind folder
    for kind in memory pids cpu cpuset freezer; do
        folder=/sys/fs/cgroup/$kind/rctr-tests.$$
        mkdir "$folder" 2>/dev/null || return 1
        cgroups+=("$folder")
        [ $kind != cpuset ] || { cat "${folder%/*}/cpuset.cpus" >"$folder/cpuset.cpus" && cat "${folder%/*}/cpuset.mems" >"$folder/cpuset.mems"; } || return 1
        chown -R rctr-test "$folder"
    done
}

as_grouped() { # as's words
    local folder
    (for folder in "${cgroups[@]}"; do echo "$BASHPID" >"$folder/cgroup.procs" || exit 1; done; as "$@")
}

work=$(mktemp -d /var/tmp/rctr-tests.XXXXXX)
pids=()
# What a run that is interrupted leaves: containers outlive their clients. Ours have our environment.
kill_left() {
    local process
    for process in /proc/[0-9]*; do
        ! grep -qsF "RCTR_TEST_COUNTS=$work/counts" "$process/environ" || kill -9 "${process#/proc/}" 2>/dev/null || true
    done
}

finish() {
    ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
    kill_left
    # Files of other users of the tests' containers: root may delete them, you may not.
    rm -rf "$work" 2>/dev/null || true
    # innermost first
    ((${#cgroups[@]} == 0)) || find "${cgroups[@]}" -depth -type d -exec rmdir {} + 2>/dev/null || true
}
trap finish EXIT
chmod 0755 "$work"
mkdir "$work/src" "$work/registry" "$work/registry-auth" "$work/images"

# The sources alone: what git knows, and else everything but what is built.
if [ -e .git ] && command -v git >/dev/null; then
    git -c safe.directory="$PWD" ls-files -z --cached --others --exclude-standard |
        xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
        tar --null -T - -cf - | tar -C "$work/src" -xf -
else
    tar --exclude='./build*' --exclude=./.git --exclude='*.o' --exclude='*.a' --exclude=./config.status \
        --exclude=./Makefile --exclude=./config.h -cf - . | tar -C "$work/src" -xf -
fi

free_port() {
    local port
    while port=$((20000 + RANDOM % 20000)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

wait_for_port() {
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    echo "the registry on port $1 does not answer" >&2
    return 1
}

# A registry in a folder of its own: config text on standard input is added. Prints nothing.
start_registry() { # folder port
    cat >"$1.yml" <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $1}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$2"}
END
    cat >>"$1.yml"
    as_tester docker-registry serve "$1.yml" >"$1.log" 2>&1 &
    pids+=($!)
    wait_for_port "$2"
}

# A Debian of one layer, and one with python3; kept from run to run.
debian_roots() {
    local cache=/var/cache/rctr-tests name
    [ "$(id -u)" -eq 0 ] || return 0
    say "root file systems of Debian"
    tests/images/roots.sh $cache debian python || echo "note: the tests that want these images will skip"
    for name in debian python; do
        [ ! -e "$cache/$name.tar" ] || cp "$cache/$name.tar" "$work/images/"
    done
}

debian_roots
own "$work"
echo '{}' >"$work/auth.json" # skopeo and podman look in /run/containers otherwise, which may be root's
environment=("RCTR_TEST_COUNTS=$work/counts" "RCTR_TEST_IMAGES=$work/images" "REGISTRY_AUTH_FILE=$work/auth.json")
touch "$work/counts" && chmod 0666 "$work/counts"
if command -v docker-registry >/dev/null; then
    plain=$(free_port)
    start_registry "$work/registry" "$plain" </dev/null
    environment+=("RCTR_TEST_REGISTRY=127.0.0.1:$plain")
    if command -v htpasswd >/dev/null; then
        guarded=$(free_port)
        htpasswd -Bbn tester secret >"$work/htpasswd"
        start_registry "$work/registry-auth" "$guarded" <<<"auth: {htpasswd: {realm: rctr, path: $work/htpasswd}}"
        environment+=("RCTR_TEST_REGISTRY_AUTH=127.0.0.1:$guarded") # user tester, password secret
    fi
fi

as rctr-test build
as rctr-test images
as rctr-test cli
[ "$(id -u)" -ne 0 ] || as rctr-nosub single-uid
if [ "$(id -u)" -eq 0 ]; then
    make_cgroups && as_grouped rctr-test cgroup || echo "note: no cgroups of v1 to give away: tests/vm/run.sh shows the limits"
fi
if [ -z "$quick" ]; then
    as rctr-test sanitize
    as rctr-test distcheck
fi

say "the sum"
awk '{ p += $1; f += $2; s += $3 }
    END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }' "$work/counts"

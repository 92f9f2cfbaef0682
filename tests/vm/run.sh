#!/bin/bash
# run.sh - shows in virtual machines what this machine may lack: cgroup v2 with delegation, a systemd
# of the user's, cgroup v1 folders of one's own, kernel 5.10 without an overlay for users.
#
#   RCTR_VM=/path/to/vm tests/vm/run.sh [BUILD-FOLDER]     (default: build)
#
# `vm run [--share DIR] [--kernel R] [--append WORDS] -- COMMAND` runs COMMAND as an unprivileged user
# in a throw-away Debian with systemd; DIR is seen inside at the same path. Without the tool, or
# without KVM, it skips and says so. Not part of tests/run.sh: the machines are not everywhere.
# The last line is "N passed, N failed, N skipped".
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build}

skip() { echo "SKIP: tests/vm: $*"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }

[ -n "${RCTR_VM:-}" ] || skip "RCTR_VM does not name the tool that runs machines"
[ -x "$RCTR_VM" ] || skip "$RCTR_VM is not a program"
[ -w /dev/kvm ] || skip "/dev/kvm cannot be opened"
[ -x "$build/rctr" ] || { echo "$build/rctr is not built" >&2; exit 1; }

share=$(mktemp -d /var/tmp/rctr-vm.XXXXXX)
trap 'rm -rf "$share"' EXIT
chmod 755 "$share"
mkdir "$share/bin" "$share/tests" "$share/lib"
cp "$build/rctr" "$share/bin/"
# The bats of this machine: older releases have one that knows less.
mkdir -p "$share/bats/bin" "$share/bats/lib" "$share/bats/libexec"
cp "$(command -v bats)" "$share/bats/bin/"
cp -R /usr/lib/bats-core "$share/bats/lib/"
cp -R /usr/libexec/bats-core "$share/bats/libexec/"
cp -R "$build/images" "$share/"
cp -R tests/cli tests/vm "$share/tests/"
cp -R packaging/systemd "$share/"
chmod -R a+rX "$share"

# bundle: rctr with the libraries of this machine, for a release whose own are older.
bundle() {
    local libraries name
    libraries=$(ldd "$build/rctr" | sed -n 's/.* => \(\/[^ ]*\).*/\1/p')
    while read -r name; do # what it loads later
        libraries+=" $(ldconfig -p | awk -v name="$name" '$1 == name { print $NF; exit }')"
    done < <(sed -n 's/^#define SONAME_[A-Z]* "\(.*\)"$/\1/p' "$build/config.h")
    # shellcheck disable=SC2086 # a list of words
    { printf '%s\n' $libraries; ldd $libraries | sed -n 's/.* => \(\/[^ ]*\).*/\1/p'; } | sort -u |
        xargs cp -L -t "$share/lib"
    cp -L /lib64/ld-linux-x86-64.so.2 "$share/lib/"
    patchelf --set-interpreter "$share/lib/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$share/lib" "$1"
    chmod -R a+rX "$share/lib"
}

passed=0 failed=0 skipped=0

# machine NAME OPTION... -- FILE...: the bats files, in one machine.
machine() {
    local name=$1 options=() tap plan ok no skips
    shift
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    printf '\n== %s (%d s)\n' "$name" $SECONDS
    tap=$share/$name.tap
    timeout 1800 "$RCTR_VM" run --timeout 1700 --share "$share" "${options[@]}" -- \
        "export PATH=$share/bin:$share/bats/bin:\$PATH RCTR_DATADIR=$share; cp -R $share/tests ~/tests; cd ~/tests; bats --tap $*" \
        </dev/null >"$tap" 2>&1 || true
    plan=$(sed -n 's/^1\.\.\([0-9]*\).*$/\1/p' "$tap" | tail -n 1)
    skips=$(grep -c '^ok .* # skip' "$tap" || true)
    ok=$(($(grep -c '^ok ' "$tap" || true) - skips))
    no=$((${plan:-1} - ok - skips)) # a test that never reported has failed
    echo "$name: $ok passed, $no failed, $skips skipped"
    grep -E '^ok .* # skip' "$tap" || true
    [ "$no" -eq 0 ] || sed -n '/^not ok/,/^ok/p' "$tap" | grep -v '^ok' || true
    [ -n "$plan" ] || tail -n 20 "$tap"
    passed=$((passed + ok)) failed=$((failed + no)) skipped=$((skipped + skips))
}

# A login of Debian 12: its own scope is root's, its systemd delegates cpu, cpuset, io, memory, pids.
machine v2 -- vm/journal.bats vm/limits.bats vm/restart-unit.bats vm/stats.bats cli/limits.bats cli/pause.bats cli/update.bats cli/doctor.bats
# The same with cgroup v1, whose folders root has given to the user.
machine v1 --append systemd.unified_cgroup_hierarchy=0 --user root -- vm/v1.bats
# What an administrator may have turned off.
machine doctor --user root -- vm/doctor.bats
# Debian 11, kernel 5.10 and systemd 247: no overlay for users, no Landlock, no cgroup.kill.
if command -v patchelf >/dev/null; then
    bundle "$share/bin/rctr"
    machine bullseye --release bullseye -- vm/old-kernel.bats vm/limits.bats cli/pause.bats
else # its kernel only
    machine kernel-5.10 --kernel bullseye -- vm/old-kernel.bats vm/limits.bats cli/pause.bats
fi

printf '\n%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed -eq 0 ]

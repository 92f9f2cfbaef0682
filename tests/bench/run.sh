#!/bin/bash
# run.sh - rctr against its peers and against what the machine alone needs, in one run.
#
#   tests/bench/run.sh [--quick] [--ahead] [--prefix DIR] [start] [pull] [memory] [life] [build] [images]
#
# As root: it installs what is missing, builds rctr (or takes the one under DIR) into a prefix of
# root's, makes the user rctr-bench, Debian images and a registry on loopback, and measures as that
# user, in a mount namespace of its own with cgroup2 over /sys/fs/cgroup (podman and crun want it).
# Everything runs in turn within a round (race.c), so a noisy minute hits all; medians are shown.
# Every pull goes into a fresh store, and nothing is deleted before the end: ext4 is many times
# slower at making files right after a mass delete. Prints tables and writes RESULTS.md beside this
# file, whose part from the line "## Reading" on is written by people and kept.
# --quick: few rounds, no large image, RESULTS.md stays as it is. --ahead: real-time priority for all
# that is measured and the registry, for a machine that is busy with other work (nice does not help:
# each session is a scheduling group of its own, and a monitor is a session).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cache=/var/cache/rctr-tests
user=rctr-bench

die() { echo "run.sh: $*" >&2; exit 1; }
say() { printf '\n== %s (%d s)\n' "$*" $SECONDS; }

# --- As root: the ground ------------------------------------------------------------------------

prepare() {
    [ "$(id -u)" -eq 0 ] || die "wants to be root, to make a user and a registry; it measures as that user"
    cd "$top"
    # shellcheck source=packaging/packages.sh
    . packaging/packages.sh
    # shellcheck disable=SC2086,SC2154 # lists of words, of packages.sh
    packages_need $packages_build $packages_run $packages_test $packages_bench
    packages_devices
    packages_user $user
    work=$(mktemp -d /var/tmp/rctr-bench.XXXXXX)
    chmod 0755 "$work"
    mkdir -p "$work/bin" "$work/prefix" "$work/user" "$work/registry" "$work/images" "$work/run"
    for tool in race limit peak; do
        ${CC:-cc} -O2 -D_GNU_SOURCE -o "$work/bin/$tool" "$here/$tool.c"
    done
    [ -n "$prefix" ] || build
    cp -a "$prefix/." "$work/prefix/"
    chown -R root: "$work/prefix"
    wanted=(debian)
    [ -n "$quick" ] || wanted+=(big)
    case " $jobs " in *" pull "* | *" memory "* | *" images "*) "$top/tests/images/roots.sh" $cache "${wanted[@]}" ;; esac
    for name in "${wanted[@]}"; do
        [ ! -e "$cache/$name.tar" ] || cp "$cache/$name.tar" "$work/images/"
    done
    cp -r "$top/tests" "$top/packaging" "$work/"
    chown -R $user: "$work/user" "$work/registry" "$work/images" "$work/run"
}

build() {
    say "build"
    prefix=$work/built
    mkdir "$work/build"
    [ -x configure ] || autoreconf -fi >"$work/log" 2>&1
    (cd "$work/build" && "$top/configure" --quiet --prefix="$work/prefix" && make -j"$(nproc)" &&
        make install DESTDIR="$work/stage") >"$work/log" 2>&1 || { tail -n 20 "$work/log"; die "rctr does not build"; }
    mv "$work/stage/$work/prefix" "$prefix"
}

# As the user, with nothing of root's environment.
as_user() {
    ${first:-} setpriv --reuid $user --regid $user --init-groups env -i HOME="$work/user" USER=$user LANG=C.UTF-8 \
        PATH="$work/prefix/bin:$work/bin:/usr/bin:/bin:/usr/sbin:/sbin" XDG_RUNTIME_DIR="$work/run" \
        REGISTRY_AUTH_FILE="$work/user/auth.json" RCTR_TEST_REGISTRY="127.0.0.1:$port" "$@"
}

registry() {
    port=$((20000 + RANDOM % 20000))
    cat >"$work/registry.yml" <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$port"}
END
    $ahead setpriv --reuid $user --regid $user --init-groups docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
    registry_pid=$!
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
        sleep 0.1
    done
    say "images"
    as_user tee "$work/user/auth.json" <<<'{}' >/dev/null
    as_user "$work/tests/cli/images.sh" "$work/images"
}

finish() {
    [ -z "${registry_pid:-}" ] || kill "$registry_pid" 2>/dev/null || true
    pause=$(cat "$work/run/libpod/tmp/pause.pid" 2>/dev/null || true) # podman's own, of our XDG_RUNTIME_DIR
    [ -z "$pause" ] || kill "$pause" 2>/dev/null || true
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}

# --- What is measured: files of commands for race -----------------------------------------------

podman="podman --cgroup-manager=cgroupfs --storage-driver overlay"
bundle() { # runtime: a bundle as it is ready to run, with the user's whole range of ids
    local range_u range_g
    range_u=$(awk -F: -v u=$user '$1 == u { print $2 "," $3; exit }' /etc/subuid)
    range_g=$(awk -F: -v u=$user '$1 == u { print $2 "," $3; exit }' /etc/subgid)
    mkdir -p "$work/user/$1"
    (cd "$work/user/$1" && "$1" spec --rootless)
    jq --argjson u "[$(id -u $user),$range_u]" --argjson g "[$(id -g $user),$range_g]" --arg root "$work/user/rootfs" '
        .process.terminal = false | .process.args = ["true"] | .root.path = $root |
        def map(a): [{containerID: 0, hostID: a[0], size: 1}, {containerID: 1, hostID: a[1], size: a[2]}];
        .linux.uidMappings = map($u) | .linux.gidMappings = map($g) |
        if any(.linux.namespaces[]; .type == "network") then . else .linux.namespaces += [{type: "network"}] end' \
        "$work/user/$1/config.json" >"$work/user/$1/new"
    mv "$work/user/$1/new" "$work/user/$1/config.json"
}

start_commands() {
    local u=$work/user
    mkdir -p "$u/rootfs" "$u/limit"
    mkdir "$u/oci" && tar -C "$u/oci" -xf "$work/images/busybox.tar"
    for blob in "$u"/oci/blobs/sha256/*; do
        ! gzip -t "$blob" 2>/dev/null || tar -C "$u/rootfs" -xzf "$blob"
    done
    for runtime in crun runc; do
        ! command -v $runtime >/dev/null || bundle $runtime
    done
    chown -R $user: "$u"
    as_user $podman --root "$u/podman" load -q -i "$work/images/busybox.tar" >/dev/null
    cat >"$work/start" <<END
rctr             RCTR_STATE=$u/state rctr run --rm --network none localhost/busybox true
limit            limit mapped $u/rootfs $u/limit /bin/true
rctr-slirp       RCTR_STATE=$u/state rctr run --rm localhost/busybox true
rctr-single-uid  RCTR_STATE=$u/state-single RCTR_SINGLE_UID=1 rctr run --rm --network none localhost/busybox true
limit-single-uid limit single $u/rootfs $u/limit /bin/true
bwrap            bwrap --unshare-all --bind $u/rootfs / --proc /proc --dev /dev true
crun             crun --cgroup-manager=disabled --root $work/run/crun run -b $u/crun c%r
runc             runc --root $work/run/runc run -b $u/runc c%r
rctr-version     rctr version
true             /bin/true
END
    cat >"$work/start-slow" <<END
podman           $podman --root $u/podman run --rm --cgroups=disabled --network none localhost/busybox true
podman-slirp     $podman --root $u/podman run --rm --cgroups=disabled --network slirp4netns localhost/busybox true
END
}

# The layers' addresses of an image in the registry.
layers_of() {
    as_user skopeo inspect --tls-verify=false --raw "docker://127.0.0.1:$port/$1" |
        jq -r --arg at "http://127.0.0.1:$port/v2/${1%:*}/blobs/" '.layers[] | $at + .digest'
}

# What the parts of a pull cost by themselves: fetch, or fetch, inflate and write.
limits() { # key, image
    layers_of "$2" | sed 's/.*/url = "&"\noutput = "\/dev\/null"/' >"$work/user/$1.curl"
    { echo 'set -e; mkdir "$1"; cd "$1"'
      layers_of "$2" | sed 's/.*/curl -s & | igzip -dc | tar -xf - --no-same-owner --overwrite --recursive-unlink/'; } >"$work/user/$1.sh"
}

pull_commands() { # key, image
    local u=$work/user image=127.0.0.1:$port/$2
    limits "$1" "$2"
    cat >"$work/pull-$1" <<END
rctr     RCTR_STATE=$u/$1-rctr-%r rctr pull -q --tls-verify=false $image
curl     curl -s -K $u/$1.curl
shell    bash $u/$1.sh $u/$1-shell-%r
skopeo   skopeo copy -q --insecure-policy --src-tls-verify=false docker://$image dir:$u/$1-skopeo-%r
podman   $podman --root $u/$1-podman-%r pull -q --tls-verify=false $image
END
}

# race's lines, each with the job in front.
measure() { # job, rounds, file, race's options
    local out=$work/lines job=$1 rounds=$2 file=$3
    shift 3
    first=$ahead as_user race "$@" "$rounds" "$file" >"$out" 2>>"$work/errors" || true
    sed "s/^/$job /" "$out" >>"$work/results"
    awk '$3 != 0 { n[$1]++; s[$1] = $3 } END { for (k in n) print "FAILED: " k " " n[k] " times, status " s[k] }' "$out"
}

run_start() {
    say "start of a container"
    start_commands
    for pass in warm real; do # the first fills caches, unpacks the embedded image, and is forgotten
        measure start "$([ $pass = warm ] && echo 3 || echo "$rounds_start")" "$work/start"
        measure start "$([ $pass = warm ] && echo 2 || echo "$rounds_podman")" "$work/start-slow"
        [ $pass = real ] || : >"$work/results"
    done
}

run_pull() {
    local image
    for image in debian:test/debian:12 layers:test/layers:30 big:test/big:1; do
        [ "${image%%:*}" != big ] || [ -e "$work/images/big.tar" ] || continue
        say "pull of ${image#*:}"
        pull_commands "${image%%:*}" "${image#*:}"
        bash -c "curl -s -K $work/user/${image%%:*}.curl" # the registry's files are in the page cache
        measure "pull-${image%%:*}" "$([ "${image%%:*}" = big ] && echo "$rounds_big" || echo "$rounds_pull")" \
            "$work/pull-${image%%:*}" -s
    done
}

run_memory() {
    say "memory"
    local u=$work/user image=127.0.0.1:$port/test/debian:12 big=127.0.0.1:$port/test/big:1
    peak_of memory-pull rctr env RCTR_STATE="$u/m-rctr" rctr pull -q --tls-verify=false "$image"
    peak_of memory-pull podman $podman --root "$u/m-podman" pull -q --tls-verify=false "$image"
    peak_of memory-pull skopeo skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$image" "dir:$u/m-skopeo"
    [ ! -e "$work/images/big.tar" ] || peak_of memory-pull rctr-big env RCTR_STATE="$u/m-big" rctr pull -q --tls-verify=false "$big"
    peak_of memory-run rctr env RCTR_STATE="$u/m-run" rctr run --rm --network none localhost/busybox sleep 1
    peak_of memory-run rctr-slirp env RCTR_STATE="$u/m-run" rctr run --rm localhost/busybox sleep 1
    [ ! -e "$u/podman" ] || peak_of memory-run podman $podman --root "$u/podman" run --rm --cgroups=disabled --network none localhost/busybox sleep 1
    [ ! -e "$u/podman" ] || peak_of memory-run podman-slirp $podman --root "$u/podman" run --rm --cgroups=disabled --network slirp4netns localhost/busybox sleep 1
}

peak_of() { # job, name, command
    local job=$1 name=$2 sums
    shift 2
    sums=$(peak_as_user "$@" 2>>"$work/errors") || true
    echo "$job $name $sums" >>"$work/memory"
    [ "${sums##* }" = 0 ] || echo "FAILED: $name, status ${sums##* }"
}

peak_as_user() {
    "$work/bin/peak" "/sys/fs/cgroup/rctr-bench.$$.$RANDOM" bash -c "$(declare -f as_user); user=$user work=$work port=$port; as_user \"\$@\"" bash "$@"
}

# shellcheck source=tests/bench/life.sh
. "$here/life.sh"

# shellcheck source=tests/bench/images.sh
. "$here/images.sh"

# shellcheck source=tests/bench/build.sh
. "$here/build.sh"

# --- Tables -------------------------------------------------------------------------------------

# table JOB TITLE OURS BUDGET NAME...: medians, and what ours is of each, from $work/results.
table() {
    local job=$1 title=$2 ours=$3 budget=$4
    shift 4
    awk -v job="$job" -v title="$title" -v ours="$ours" -v budget="$budget" -v names="$*" '
        function median(k, values,   i, j, t, v, n) {
            n = count[k]
            for (i = 1; i <= n; i++) v[i] = values[k, i]
            for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
            low = v[1]; high = v[n]
            return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
        }
        $1 == job && $4 == 0 { ms[$2, ++count[$2]] = $3; cpu[$2, count[$2]] = $6; if ($5 > rss[$2]) rss[$2] = $5 }
        END {
            mine = count[ours] ? median(ours, ms) : 0
            printf "### %s\n\n", title
            if (!mine) printf "%s did not run.\n\n", ours
            else printf "Budget %s ms: %s.\n\n", budget, mine <= budget ? "met" : sprintf("missed by %.1f ms", mine - budget)
            print "| | median ms | least | most | CPU ms | runs | rctr takes | largest process |\n|---|---:|---:|---:|---:|---:|---:|---:|"
            n = split(ours " " names, list, " ")
            for (i = 1; i <= n; i++) {
                k = list[i]
                if (!count[k]) { printf "| %s | not measured | | | | | | |\n", k; continue }
                used = median(k, cpu); m = median(k, ms)
                printf "| %s | %.1f | %.1f | %.1f | %.1f | %d | %s | %.1f MB |\n", k, m, low, high, used, count[k],
                    i == 1 || !mine ? "" : sprintf("× %.2f", mine / m), rss[k] / 1024
            }
            print ""
        }' "$work/results"
}

# The budget is 2 s for 371 MB; the image has what Debian's packages have today.
table_big() {
    local mb
    mb=$(($(stat -c %s "$work/images/big.tar") / 1000000))
    table pull-big "Pull: Debian with libraries, $mb MB, $(tar -tf "$work/images/big.tar" | wc -l) files" rctr $((mb * 2000 / 371)) \
        curl shell skopeo podman
}

memory_table() { # job, title
    [ -e "$work/memory" ] && grep -q "^$1 " "$work/memory" || return 0
    printf '### %s\n\n| | PSS of all processes at once, peak | sum of each process'"'"' own peak RSS |\n|---|---:|---:|\n' "$2"
    awk -v job="$1" '$1 == job && $5 == 0 { printf "| %s | %.1f MB | %.1f MB |\n", $2, $3 / 1024, $4 / 1024 }' "$work/memory"
    echo
}

report() {
    local kernel
    kernel=$(uname -r)
    echo "Measured on $(date -u +%F) by \`tests/bench/run.sh\`: $(nproc) cores ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)),"
    echo "Linux $kernel, $(. /etc/os-release && echo "$PRETTY_NAME"), $(stat -f -c %T /var/tmp); rctr $("$work/prefix/bin/rctr" version | sed -n "s/^Version: *//p")"
    echo "at $(git -c safe.directory="$top" -C "$top" describe --always --dirty 2>/dev/null || echo 'no commit'),"
    echo "$(podman --version), $(crun --version | head -n 1), $(runc --version 2>/dev/null | head -n 1), $(bwrap --version), $(skopeo --version)."
    [ -z "$ahead" ] || echo "All with real-time priority (--ahead); the load from other work was $(cut -d' ' -f1-3 /proc/loadavg)."
    echo "\"rctr takes\" is rctr's median over the row's: below 1, rctr is faster."
    echo
    case " $jobs " in *" start "*)
        table start '`run --rm --network none IMAGE true`' rctr 11 limit bwrap crun runc podman
        table start 'The same with a network of its own (slirp)' rctr-slirp 15 podman-slirp limit
        table start 'A single uid, no helpers' rctr-single-uid 7 limit-single-uid bwrap
        table start '`rctr version`: the cost of the binary itself' rctr-version 1.5 true ;;
    esac
    case " $jobs " in *" pull "*)
        table pull-debian 'Pull: Debian, one layer, 49 MB' rctr 500 curl shell skopeo podman
        table pull-layers 'Pull: 30 small layers' rctr 400 curl shell skopeo podman
        [ ! -e "$work/images/big.tar" ] || table_big ;;
    esac
    case " $jobs " in *" life "*) report_life ;; esac
    case " $jobs " in *" build "*) report_build ;; esac
    case " $jobs " in *" images "*) report_images ;; esac
    memory_table memory-pull 'Memory of a pull (budget 25 MB)'
    memory_table memory-images 'Memory of save, load and push (budget 25 MB)'
    memory_table memory-run 'Memory of a container that sleeps, with the client that waits for it'
}

write_results() {
    local kept
    kept=$(sed -n '/^## Reading/,$p' "$here/RESULTS.md" 2>/dev/null || true)
    { echo "# Results"
      echo
      cat "$work/report"
      printf '%s\n' "${kept:-## Reading}"
    } >"$here/RESULTS.new"
    mv "$here/RESULTS.new" "$here/RESULTS.md"
}

# --- Main ---------------------------------------------------------------------------------------

quick='' prefix='' jobs='' ahead=''
given=("$@")
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --ahead) ahead='chrt --rr 1' ;;
    --prefix) prefix=$(realpath "${2:?}"); shift ;;
    start | pull | memory | life | build | images) jobs+=" $1" ;;
    *) echo "usage: tests/bench/run.sh [--quick] [--ahead] [--prefix DIR] [start] [pull] [memory] [life] [build] [images]" >&2; exit 2 ;;
    esac
    shift
done
jobs=${jobs:-start pull memory life build images} # the last one removes images: what follows would suffer
rounds_start=40 rounds_podman=8 rounds_pull=5 rounds_big=3 rounds_life=20 rounds_life_podman=2 rounds_images=5 rounds_build=3
[ -z "$quick" ] || rounds_start=10 rounds_podman=3 rounds_pull=3 rounds_life=5 rounds_life_podman=1 rounds_images=3 rounds_build=2

# A namespace of our own for mounts; podman wants them shared within it.
if [ "${RCTR_BENCH_INSIDE:-}" != 1 ] && [ "$(id -u)" -eq 0 ]; then
    RCTR_BENCH_INSIDE=1 exec unshare --mount --propagation private -- "$0" "${given[@]}"
fi
prepare
mount --make-rshared /
mount -t cgroup2 none /sys/fs/cgroup
trap finish EXIT
: >"$work/results"
registry
for job in $jobs; do
    "run_$job"
done
say "results"
report | tee "$work/report"
[ -n "$quick" ] || write_results

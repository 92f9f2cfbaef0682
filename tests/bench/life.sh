# life.sh - the part of run.sh about containers that live on: exec, run -d, rm -f, ps, what stays.
# shellcheck shell=bash disable=SC2154 # run.sh's variables

# rctr and podman with a store of their own, as single words for race's files.
life_tools() {
    local u=$work/user
    mkdir -p "$u/bin"
    printf '#!/bin/sh\nRCTR_STATE=%s/life exec rctr "$@"\n' "$u" >"$u/bin/r"
    printf '#!/bin/sh\nexec %s --root %s/podman "$@"\n' "$podman" "$u" >"$u/bin/p"
    cat >"$u/bin/up" <<'END'
#!/bin/sh
# up TOOL COUNT WORDS...: so many containers, two at a time
tool=$1 count=$2; shift 2
seq "$count" | xargs -P 2 -I % "$tool" run -d "$@" --network none --name up% localhost/busybox sleep 100000
END
    cat >"$u/bin/down" <<'END'
#!/bin/sh
tool=$1 count=$2 names=; shift 2
for i in $(seq "$count"); do names="$names up$i"; done
exec "$tool" rm -f -t 0 $names
END
    cat >"$u/bin/cycle" <<'END'
#!/bin/sh
tool=$1; shift
"$tool" run -d "$@" --network none --name cycle localhost/busybox sleep 100000 && exec "$tool" rm -f -t 0 cycle
END
    chmod 755 "$u/bin/"*
}

# ps of so many containers that do not run: a store for each number.
life_stores() {
    local u=$work/user n
    for n in 0 100 500; do
        as_user env RCTR_STATE="$u/ps$n" sh -c "rctr run --rm --network none localhost/busybox true
            seq $n | xargs -r -P 2 -I % rctr create localhost/busybox true" >/dev/null
    done
}

life_commands() {
    local u=$work/user b=$work/user/bin init
    as_user "$b/r" run -d --network none --name target localhost/busybox sleep 100000 >/dev/null
    init=$(as_user "$b/r" inspect -f '{{.State.Pid}}' target)
    cat >"$work/life" <<END
exec             RCTR_STATE=$u/life rctr exec target true
exec-nsenter     nsenter -t $init -U -m -p -n -i -u -r --preserve-credentials true
cycle            $b/cycle $b/r
up-100           $b/up $b/r 100
down-100         $b/down $b/r 100
ps-0             RCTR_STATE=$u/ps0 rctr ps -a
ps-100           RCTR_STATE=$u/ps100 rctr ps -a
ps-500           RCTR_STATE=$u/ps500 rctr ps -a
version          rctr version
END
    cat >"$work/life-slow" <<END
exec-podman      $b/p exec target true
cycle-podman     $b/cycle $b/p --cgroups=disabled
up-100-podman    $b/up $b/p 100 --cgroups=disabled
ps-100-podman    $b/p ps -a
down-100-podman  $b/down $b/p 100
ps-0-podman      $b/p ps -a
END
}

run_life() {
    local u=$work/user
    say "containers that live on"
    [ -e "$u/rootfs" ] || start_commands
    life_tools
    life_stores
    life_commands
    as_user "$u/bin/p" run -d --cgroups=disabled --network none --name target localhost/busybox sleep 100000 >/dev/null
    measure life "$rounds_life" "$work/life"
    measure life "$rounds_life_podman" "$work/life-slow"
    life_commit
    as_user "$u/bin/p" rm -f -t 0 target >/dev/null
    as_user "$u/bin/r" rm -f target >/dev/null
    life_stays
    life_thousand
}

# 41 MB of changes become a layer; in each round those of another container, as a layer that is
# there already is not written again. tar and sha256sum write and sum up the same.
life_commit() {
    local u=$work/user b=$work/user/bin rounds=5 round
    [ -z "$quick" ] || rounds=3
    # shellcheck disable=SC2016 # the container's shell expands it
    local fill='for i in $(seq 41); do dd if=/dev/urandom of=/f$i bs=1M count=1 2>/dev/null; done'
    for ((round = 0; round < rounds; round++)); do
        as_user "$b/r" run --network none --name "big$round" localhost/busybox sh -c "$fill"
        as_user "$b/p" run --cgroups=disabled --network none --name "big$round" localhost/busybox sh -c "$fill"
        as_user sh -c "mkdir $u/big$round && cd $u/big$round && head -c 42991616 /dev/urandom | split -b 1M"
    done
    cat >"$b/tarsum" <<'END'
#!/bin/sh
tar -C "$1" -cf "$1.tar" . && exec sha256sum "$1.tar"
END
    chmod 755 "$b/tarsum"
    cat >"$work/commit" <<END
commit           $b/r commit -q big%r localhost/commit:%r
commit-tar       $b/tarsum $u/big%r
commit-podman    $b/p commit -q big%r localhost/commit:%r
END
    measure life "$rounds" "$work/commit" -s
    for ((round = 0; round < rounds; round++)); do
        as_user sh -c "$b/r rm big$round; $b/p rm big$round" >/dev/null
    done
}

# What stays of rctr or podman for each container that sleeps: the PSS of all their processes but
# the containers' own, over the number of containers.
life_stays() {
    local u=$work/user count=10
    for net in none slirp; do
        as_user sh -c "seq $count | xargs -I % $u/bin/r run -d --network $net --name stay% localhost/busybox sleep 100000" >/dev/null
        as_user sh -c "seq $count | xargs -I % $u/bin/p run -d --cgroups=disabled --network ${net/slirp/slirp4netns} --name stay% localhost/busybox sleep 100000" >/dev/null
        sleep 5 # idle is not just begun
        echo "stays-$net rctr $(life_pss $count 'rctr: ')" >>"$work/stays"
        echo "stays-$net podman $(life_pss $count 'conmon|slirp4netns')" >>"$work/stays"
        as_user sh -c "$u/bin/r rm -f -a; $u/bin/p rm -f -t 0 -a" >/dev/null
    done
}

# The processes whose command lines begin so, of our user: their PSS in KiB by the container.
life_pss() { # containers, extended regular expression
    local pid sum=0 pss
    for pid in $(pgrep -u $user); do
        tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -Eq "^(/[^ ]*/)?($2)" || continue
        pss=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null)
        sum=$((sum + ${pss:-0}))
    done
    echo $((sum / $1))
}

# A thousand in a row: the last hundred as fast as the first, nothing left.
life_thousand() {
    local u=$work/user begin end count=1000
    [ -z "$quick" ] || count=200
    as_user env RCTR_STATE="$u/thousand" rctr run --rm --network none localhost/busybox true
    first=$ahead as_user env RCTR_STATE="$u/thousand" COUNT=$count bash -c '
        for i in $(seq $COUNT); do
            from=${EPOCHREALTIME/./}
            rctr run --rm --network none localhost/busybox true || exit 1
            echo $((${EPOCHREALTIME/./} - from))
        done' >"$work/thousand"
    begin=$(head -n 100 "$work/thousand" | sort -n | sed -n 50p)
    end=$(tail -n 100 "$work/thousand" | sort -n | sed -n 50p)
    {
        echo "### $count × \`run --rm\` in a row"
        echo
        echo "Median of the first hundred $((begin / 1000)).$((begin / 100 % 10)) ms, of the last hundred $((end / 1000)).$((end / 100 % 10)) ms."
        echo "Left afterwards: $(as_user ls "$u/thousand/containers" | wc -l) containers, $(as_user ls "$u/thousand/tmp" | wc -l) temporary folders,"
        echo "$(grep -c "$u/thousand" /proc/self/mountinfo || true) mounts, $(pgrep -u $user -fc '^rctr: ' || true) processes of rctr."
        echo
    } >"$work/thousand.md"
}

report_life() {
    table life '`exec CONTAINER true`' exec 4 exec-nsenter exec-podman
    table life '`run -d` and `rm -f`' cycle 25 cycle-podman
    table life '100 × `run -d`, two at a time' up-100 1200 up-100-podman
    table life '`rm -f` of the hundred' down-100 500 down-100-podman
    table life '`ps -a` without containers' ps-0 2 ps-0-podman version
    table life '`ps -a` with 100' ps-100 4 ps-100-podman
    table life '`ps -a` with 500' ps-500 10 version
    table life '`commit` of 41 MB' commit 200 commit-tar commit-podman
    printf '### What stays for each idle container (budget 200 KiB without, 500 KiB with network)\n\n| | rctr | podman |\n|---|---:|---:|\n'
    awk '{ v[$1, $2] = $3 } END {
        printf "| --network none | %d KiB | %d KiB |\n| slirp | %d KiB | %d KiB |\n\n",
            v["stays-none", "rctr"], v["stays-none", "podman"], v["stays-slirp", "rctr"], v["stays-slirp", "podman"] }' "$work/stays"
    cat "$work/thousand.md"
}

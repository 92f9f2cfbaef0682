# build.sh - the part of run.sh about builds: twenty RUNs, a COPY of 10,000 files, two stages; each cold and cached.
# shellcheck shell=bash disable=SC2154 # run.sh's variables

# rctr builds cold in a store of its own each round (which it fills with its embedded base first), and
# cached in the same one. The peers keep one store, and build cold with --no-cache: what the base
# costs them is not counted.
build_ground() {
    local b=$work/user/builds i
    mkdir -p "$b/empty" "$b/many"
    { echo FROM localhost/busybox; for i in $(seq 20); do echo RUN true; done; } >"$b/Runs"
    printf 'FROM localhost/busybox\nCOPY . /all/\n' >"$b/Copy"
    cat >"$b/Stages" <<'END'
FROM localhost/busybox AS one
RUN mkdir /out && echo one >/out/one
FROM localhost/busybox AS two
RUN mkdir /out && echo two >/out/two
FROM localhost/busybox
COPY --from=one /out/one /one
COPY --from=two /out/two /two
CMD ["cat", "/one", "/two"]
END
    for i in $(seq 100); do
        mkdir "$b/many/$i"
        head -c 400000 /dev/urandom | split -b 4000 - "$b/many/$i/f"
    done
    find "$b" -exec touch -d '1 hour ago' {} +
    chown -R $user: "$b"
    as_user $podman --root "$b/podman" load -q -i "$work/images/busybox.tar" >/dev/null
    buildah="buildah --root $b/buildah --runroot $work/run/buildah --storage-driver overlay"
    as_user $buildah pull -q "oci-archive:$work/images/busybox.tar" >/dev/null
}

build_commands() { # name, Dockerfile, context
    local b=$work/user/builds name=$1 file=$2 context=$3
    cat >"$work/build-$name" <<END
$name             RCTR_STATE=$b/rctr-$name-%r rctr build -q -f $file $context
$name-cached      RCTR_STATE=$b/rctr-$name-%r rctr build -q -f $file $context
$name-podman      $podman --root $b/podman build -q --no-cache --cgroup-manager=cgroupfs --network none -f $file $context
$name-buildah     $buildah bud --layers --no-cache -q --isolation chroot -f $file $context
END
    cat >"$work/build-$name-again" <<END
$name-podman-cached  $podman --root $b/podman build -q --cgroup-manager=cgroupfs --network none -f $file $context
$name-buildah-cached $buildah bud --layers -q --isolation chroot -f $file $context
END
    [ "$name" != copy ] || echo "copy-cp cp -r $b/many $b/cp-%r" >>"$work/build-$name"
}

run_build() {
    local b=$work/user/builds name
    say "builds"
    build_ground
    build_commands runs "$b/Runs" "$b/empty"
    build_commands copy "$b/Copy" "$b/many"
    build_commands stages "$b/Stages" "$b/empty"
    for name in runs copy stages; do
        measure build "$rounds_build" "$work/build-$name" -s
        measure build "$rounds_build" "$work/build-$name-again" -s
    done
    peak_of memory-build rctr-copy env RCTR_STATE="$b/m-rctr" rctr build -q -f "$b/Copy" "$b/many"
    peak_of memory-build rctr-runs env RCTR_STATE="$b/m-rctr" rctr build -q -f "$b/Runs" "$b/empty"
    peak_of memory-build buildah-copy $buildah bud --layers --no-cache -q --isolation chroot -f "$b/Copy" "$b/many"
}

report_build() {
    table build '`build`: 20 × RUN true' runs 600 runs-podman runs-buildah
    table build 'The same, cached' runs-cached 30 runs-podman-cached runs-buildah-cached
    table build '`build`: COPY of 10,000 files, 40 MB' copy 800 copy-cp copy-podman copy-buildah
    table build 'The same, cached' copy-cached 150 copy-podman-cached copy-buildah-cached
    table build '`build`: two stages and a third from both' stages 300 stages-podman stages-buildah
    table build 'The same, cached' stages-cached 30 stages-podman-cached stages-buildah-cached
    memory_table memory-build 'Memory of a build (budget 25 MB)'
}

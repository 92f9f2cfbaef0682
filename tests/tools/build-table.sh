#!/bin/bash
# build-table.sh USER [CASE...] - write tree and config of the cases of tests/data/build, as buildah makes them.
#
# As root, who has buildah and the unprivileged USER with subordinate ids: buildah runs as that user in a
# mount namespace of its own with cgroup2 over /sys/fs/cgroup, with the driver vfs, which leaves no
# attributes in files. Cases with a file "why" keep what is written there. It tells which cases buildah
# does not build, or builds although they are wrong.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
user=$1
shift
cd "$top/tests/data/build"
[ $# -gt 0 ] || set -- *

work=$(mktemp -d /var/tmp/build-table.XXXXXX)
trap 'as_user buildah --root "$work/u/store" unshare rm -rf "$work/u/store" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
chmod 0755 "$work"
install -d -o "$user" "$work/u" "$work/run" "$work/ctx"

as_user() {
    unshare -m sh -c 'mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh \
        setpriv --reuid "$user" --regid "$user" --init-groups env -i HOME="$work/u" USER="$user" LC_ALL=C.UTF-8 \
        PATH=/usr/bin:/bin:/usr/sbin:/sbin XDG_RUNTIME_DIR="$work/run" "$@"
}

bah() {
    as_user buildah --root "$work/u/store" --runroot "$work/run/store" --storage-driver vfs "$@"
}

"$top/packaging/images/busybox.sh" "$work/busybox.tar"
bah pull -q "oci-archive:$work/busybox.tar" >/dev/null
bah push -q localhost/busybox "docker-archive:$work/u/base.tar:localhost/busybox:latest"

for case; do
    [ ! -e "$case/why" ] || { echo "kept: $case"; continue; }
    setpriv --reuid "$user" --regid "$user" --init-groups bash -c '. "$1"; table_context "$2" "$3"' bash \
        "$top/tests/cli/build-table.bash" "$PWD/$case" "$work/ctx/$case"
    args=()
    [ ! -e "$case/args" ] || read -ra args <"$case/args"
    # An option -f is of a file below the context.
    [ "${args[0]:-}" != -f ] || args[1]=$work/ctx/$case/${args[1]}
    status=0
    (cd "$work/ctx/$case" && bah bud --isolation chroot --format docker --identity-label=false --pull=false -q \
        "${args[@]}" -t "localhost/table/$case" . >"$work/log" 2>&1) || status=$?
    if [ -e "$case/error" ]; then
        [ $status -ne 0 ] || echo "buildah builds what is wrong: $case"
        continue
    fi
    [ $status -eq 0 ] || { echo "buildah fails: $case: $(tail -n 1 "$work/log")"; continue; }
    rm -f "$work/u/one.tar" "$work/one.tar"
    bah push -q "localhost/table/$case" "docker-archive:$work/u/one.tar:localhost/table/$case:latest"
    "$here/build-table.py" write "$work/u/base.tar,$work/u/one.tar" .
done

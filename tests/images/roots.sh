#!/bin/bash
# roots.sh FOLDER NAME... - make FOLDER/NAME.tar, root file systems of Debian 12. Needs root.
#
#   debian   minbase with certificates: about 120 MB in one layer, the usual base image
#   python   the same with python3
#   big      with python3 and the sources of two libraries: about 40,000 files, 500 MB
#
# What exists is kept: a tar of another day has other bytes, and costs a minute. No Docker Hub: the
# packages come from the mirror that this machine's apt uses. Images are made of them by images.sh.
set -euo pipefail
folder=$1
shift
mkdir -p "$folder"

# The first http mirror that is not the security one.
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | awk '/^http:/ && !/security/ && !n++') || true

# What a base image leaves out: the device nodes, and what `apt-get update` fetches again.
strip() { # root
    rm -rf "${1:?}/dev" "$1/var/cache/apt" "$1/var/lib/apt/lists" "$1"/var/log/*.log "$1/var/log/apt"
    mkdir -p "$1/dev" "$1/var/cache/apt/archives/partial" "$1/var/lib/apt/lists/partial"
}

status=0
for name; do
    include=ca-certificates
    case $name in
    debian) ;;
    python) include+=,python3 ;;
    big) include+=,python3,libboost-dev,golang-src ;;
    *) echo "roots.sh: there is no root file system called $name" >&2; exit 2 ;;
    esac
    [ ! -e "$folder/$name.tar" ] || continue
    root=$folder/$name.root
    rm -rf "$root"
    if debootstrap --variant=minbase --include=$include bookworm "$root" \
        "${mirror:-http://deb.debian.org/debian}" >"$folder/$name.log" 2>&1; then
        cp /etc/apt/sources.list "$root/etc/apt/" 2>/dev/null || true
        cp /etc/apt/sources.list.d/* "$root/etc/apt/sources.list.d/" 2>/dev/null || true
        strip "$root"
        tar -C "$root" --sort=name --numeric-owner -cf "$folder/$name.part" .
        mv "$folder/$name.part" "$folder/$name.tar"
    else
        tail -n 5 "$folder/$name.log" >&2
        echo "note: debootstrap failed: there is no $name.tar" >&2
        status=1
    fi
    rm -rf "$root"
done
exit $status

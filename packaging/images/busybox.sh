#!/bin/sh
# busybox.sh OUT [BUSYBOX] - make the embedded default image, localhost/busybox, as an OCI archive.
#
# It holds the machine's static busybox with a link for each applet, and the few files that make a
# root file system. The same busybox gives the same bytes: sorted names, times 0, owner 0.
set -eu
out=$(realpath -m "$1")
busybox=${2:-/bin/busybox}
LC_ALL=C
export LC_ALL
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
oci=$work/oci

pack() { # folder: a deterministic tar of what is in it, on standard output
    (cd "$1" && tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - -- *)
}

blob() { # file: move it among the blobs; prints "digest size"
    size=$(wc -c <"$1")
    digest=$(sha256sum "$1" | cut -d' ' -f1)
    mv "$1" "$oci/blobs/sha256/$digest"
    echo "$digest $size"
}

mkdir -p "$root/bin" "$root/sbin" "$root/usr/bin" "$root/usr/sbin" "$root/etc" "$root/root" "$root/tmp" \
    "$root/home" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/var/log" "$root/var/spool" \
    "$root/var/www" "$oci/blobs/sha256"
ln -s ../run "$root/var/run"
ln -s ../tmp "$root/var/tmp"
chmod 1777 "$root/tmp"
chmod 0700 "$root/root"
cp "$busybox" "$root/bin/busybox"
chmod 0755 "$root/bin/busybox"
"$busybox" --list-full | while read -r applet; do
    case $applet in
    bin/busybox) continue ;;
    bin/* | sbin/* | usr/bin/* | usr/sbin/*) ;;
    *) applet=bin/${applet##*/} ;; # "linuxrc", which belongs to an initial ram disk
    esac
    [ -e "$root/$applet" ] || ln -s /bin/busybox "$root/$applet"
done
cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
END
cat >"$root/etc/group" <<'END'
root:x:0:
daemon:x:1:
tty:x:5:
www-data:x:33:
nogroup:x:65534:
END

pack "$root" >"$work/layer.tar"
diff_id=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
gzip -n -9 "$work/layer.tar"
layer=$(blob "$work/layer.tar.gz")
case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
i?86) arch=386 ;;
ppc64le | s390x | riscv64) arch=$(uname -m) ;;
*) arch=$(uname -m) ;;
esac

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
printf '%s' '{"created":"1970-01-01T00:00:00Z","architecture":"'"$arch"'","os":"linux","config":{"Env":["PATH='$path'"],"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:'"$diff_id"'"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"rctr: static busybox"}]}' >"$work/config"
config=$(blob "$work/config")

printf '%s' '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:'"${config% *}"'","size":'"${config#* }"'},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:'"${layer% *}"'","size":'"${layer#* }"'}]}' >"$work/manifest"
manifest=$(blob "$work/manifest")

printf '%s' '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:'"${manifest% *}"'","size":'"${manifest#* }"',"platform":{"architecture":"'"$arch"'","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"localhost/busybox:latest"}}]}' >"$oci/index.json"
printf '%s' '{"imageLayoutVersion":"1.0.0"}' >"$oci/oci-layout"

mkdir -p "$(dirname "$out")"
pack "$oci" >"$out.part"
mv "$out.part" "$out"

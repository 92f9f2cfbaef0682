#!/usr/bin/env python3
"""bad-archives - OCI archives and folders that are cut, escape, lie, or claim what they do not have.

    bad-archives.py FOLDER

Writes FOLDER/NAME.tar, or a folder FOLDER/NAME.dir, for each case, and FOLDER/list with a line for
each: the file's name, a tab, words that its refusal says. "good.tar" is the one that is right.
"""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

BASE = sys.argv[1]
OCI = "application/vnd.oci.image."
ARCH = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True).stdout.strip()
cases = []


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def small_tar(name=b"word", data=b"hello"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo(name.decode())
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


LAYER = small_tar(data=hashlib.sha512(b"x").digest() * 100)
BLOB = gzip.compress(LAYER, mtime=0)


def dump(doc):
    return json.dumps(doc).encode()


def descriptor(data, kind, **more):
    return dict({"mediaType": OCI + kind, "digest": digest(data), "size": len(data)}, **more)


def config(**more):
    return dump(dict({"architecture": ARCH, "os": "linux", "config": {},
                      "rootfs": {"type": "layers", "diff_ids": [digest(LAYER)]}}, **more))


def manifest(conf=None, layers=None, **more):
    return dump(dict({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                      "config": descriptor(conf or config(), "config.v1+json"),
                      "layers": layers if layers is not None else [descriptor(BLOB, "layer.v1.tar+gzip")]}, **more))


def index(*entries, **more):
    return dump(dict({"schemaVersion": 2, "manifests": list(entries)}, **more))


def entry(data, kind="manifest.v1+json", **more):
    return descriptor(data, kind, annotations={"org.opencontainers.image.ref.name": "tool"}, **more)


def path(data):
    return "blobs/sha256/" + digest(data)[7:]


def layout(man=None, conf=None, blobs=(BLOB,), idx=None):
    """The files of a layout, by their paths."""
    conf = conf or config()
    man = man or manifest(conf)
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": idx or index(entry(man)),
             path(man): man, path(conf): conf}
    files.update((path(b), b) for b in blobs)
    return files


def archive(files):
    """Values: bytes, or (type, link name) of another kind of entry."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, what in files.items() if isinstance(files, dict) else files:
            info = tarfile.TarInfo(name)
            if isinstance(what, tuple):
                info.type, info.linkname = what
                tar.addfile(info)
            else:
                info.size = len(what)
                tar.addfile(info, io.BytesIO(what))
    return out.getvalue()


def case(name, words, data):
    with open("%s/%s.tar" % (BASE, name), "wb") as out:
        out.write(archive(data) if isinstance(data, (dict, list)) else data)
    cases.append((name + ".tar", words))


def changed(files, **members):
    """The layout with some files changed, or left out (None); names as in `where`."""
    where = {"layout": "oci-layout", "index": "index.json", "manifest": path(manifest()), "config": path(config()),
             "layer": path(BLOB)}
    files = dict(files)
    for member, what in members.items():
        files.pop(where[member]) if what is None else files.__setitem__(where[member], what)
    return files


good = layout()
whole = archive(good)
with open(BASE + "/good.tar", "wb") as f:
    f.write(whole)

# --- cut -----------------------------------------------------------------------------------------
case("cut-entry", "archive", whole[:len(whole) // 2 // 512 * 512 + 100])
case("cut-header", "archive", whole[:700])
case("cut-gzip", "gzip", gzip.compress(whole)[:-300])
case("cut-gzip-begin", "gzip", gzip.compress(whole)[:5])
case("empty", "archive", b"")
case("zeros", "archive", b"\0" * 10240)
case("noise", "archive", hashlib.sha512(b"n").digest() * 100)
case("altered-header", "archive", b"x" + whole[1:])
case("gzip-altered", "gzip", (lambda z: z[:-6] + bytes([z[-6] ^ 1]) + z[-5:])(gzip.compress(whole)))

# --- what is not there ---------------------------------------------------------------------------
for member in ("layout", "index", "manifest", "config", "layer"):
    case("no-" + member, {"layout": "no file oci-layout", "index": "index.json"}.get(member, "has no"),
         changed(good, **{member: None}))

# --- what is not what its name says --------------------------------------------------------------
case("altered-manifest", "digest", changed(good, manifest=manifest() + b" "))
case("altered-config", "digest", changed(good, config=config(author="x")))
case("altered-layer", "digest", changed(good, layer=BLOB[:-9] + bytes([BLOB[-9] ^ 1]) + BLOB[-8:]))
case("short-layer", "digest", changed(good, layer=BLOB[:-9]))
case("long-layer", "digest", changed(good, layer=BLOB + b"more"))
case("lying-diff-id", "but the image's config says", layout(conf=config(rootfs={"type": "layers", "diff_ids": [digest(b"x")]}),
                                     man=manifest(config(rootfs={"type": "layers", "diff_ids": [digest(b"x")]}))))
case("layer-count", "layers", layout(man=manifest(layers=[descriptor(BLOB, "layer.v1.tar+gzip")] * 2)))
case("layer-size", "announced", layout(man=manifest(layers=[dict(descriptor(BLOB, "layer.v1.tar+gzip"), size=len(BLOB) + 1)])))
case("config-size", "announced", layout(man=manifest().replace(b'"size": %d' % len(config()), b'"size": 5', 1)))
case("index-size", "announced", changed(good, index=index(dict(entry(manifest()), size=7))))

# --- what escapes --------------------------------------------------------------------------------
for name, bad in (("digest-path", "sha256:../../../../etc/passwd"), ("digest-63", digest(BLOB)[:-1]),
                  ("digest-upper", "sha256:" + digest(BLOB)[7:].upper()), ("digest-md5", "md5:" + "0" * 32)):
    words = "is not a digest" if name == "digest-md5" else "64 lower-case hex digits"
    case("layer-" + name, words, layout(man=manifest(layers=[dict(descriptor(BLOB, "layer.v1.tar+gzip"), digest=bad)])))
    case("manifest-" + name, words, changed(good, index=index(dict(entry(manifest()), digest=bad))))
case("link-layer", "", changed(good, layer=(tarfile.SYMTYPE, "/etc/passwd")))
case("hardlink-layer", "", changed(good, layer=(tarfile.LNKTYPE, "/etc/passwd")))
case("link-index", "", changed(good, index=(tarfile.SYMTYPE, "../../../../etc/passwd")))
case("fifo-layer", "", changed(good, layer=(tarfile.FIFOTYPE, "")))
case("device-config", "", changed(good, config=(tarfile.CHRTYPE, "")))
case("folder-manifest", "", changed(good, manifest=(tarfile.DIRTYPE, "")))

# --- what can be read in two ways ----------------------------------------------------------------
case("index-twice", "twice", list(good.items()) + [("index.json", index())])
case("duplicate-keys", "duplicate", changed(good, index=b'{"schemaVersion": 2, ' + index(entry(manifest()))[1:]))
case("both", "a manifest and an index at once", layout(man=manifest(manifests=[])))
case("not-json", "JSON", changed(good, index=b"<html>"))
case("deep", "depth", changed(good, index=b'{"manifests":' + b"[" * 5000 + b"]" * 5000 + b"}"))
case("no-images", "", changed(good, index=index()))
case("large-index", "", changed(good, index=index(entry(manifest())) + b" " * (9 << 20)))

# --- what is not for us --------------------------------------------------------------------------
OTHERS = index(*(entry(manifest(), platform={"os": "linux", "architecture": a}) for a in ("s390x", "ppc64le")))
case("other-platforms", "linux/s390x, linux/ppc64le", dict(changed(good, index=index(entry(OTHERS, "index.v1+json"))),
                                                           **{path(OTHERS): OTHERS}))
LYING = index(dict(entry(manifest()), size=7, platform={"os": "linux", "architecture": ARCH}))
case("member-size", "announced", dict(changed(good, index=index(entry(LYING, "index.v1+json"))), **{path(LYING): LYING}))
case("unknown-compression", "media type", layout(man=manifest(layers=[descriptor(BLOB, "layer.v1.tar+xz")])))
case("foreign-missing", "", layout(man=manifest(layers=[descriptor(
    BLOB, "layer.nondistributable.v1.tar+gzip", urls=["http://192.0.2.1/layer"])]), blobs=()))
case("helm", "not a container image", layout(man=manifest().replace(b"oci.image.config", b"cncf.helm.config")))
case("layer-escapes", "", (lambda bad: layout(
    conf=config(rootfs={"type": "layers", "diff_ids": [digest(bad)]}),
    man=manifest(config(rootfs={"type": "layers", "diff_ids": [digest(bad)]}), [descriptor(bad, "layer.v1.tar")]),
    blobs=(bad,)))(small_tar(b"../../../escaped")))


# --- folders -------------------------------------------------------------------------------------

def folder(name, words, files):
    top = "%s/%s.dir" % (BASE, name)
    for file, what in files.items():
        where = os.path.join(top, file)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        if isinstance(what, bytes):
            with open(where, "wb") as out:
                out.write(what)
        elif what[0] == tarfile.FIFOTYPE:
            os.mkfifo(where)
        elif what[0] == tarfile.DIRTYPE:
            os.makedirs(where)
        else:
            os.symlink(what[1], where)
    cases.append((name + ".dir", words))


os.makedirs(BASE + "/outside", exist_ok=True)
for what, data in (("layer", BLOB), ("config", config()), ("manifest", manifest()), ("index", index(entry(manifest())))):
    with open(BASE + "/outside/" + what, "wb") as out:
        out.write(data)
    folder("fifo-" + what, "", changed(good, **{what: (tarfile.FIFOTYPE, "")}))
    folder("folder-" + what, "", changed(good, **{what: (tarfile.DIRTYPE, "")}))
    folder("missing-" + what, "", changed(good, **{what: None}))
    # where it leads to is right: it is the way that is refused, for what is named by its digest
    if what != "index":
        folder("link-out-" + what, "", changed(good, **{what: (tarfile.SYMTYPE, BASE + "/outside/" + what)}))

with open(BASE + "/list", "w") as out:
    for name, words in cases:
        out.write("%s\t%s\n" % (name, words))

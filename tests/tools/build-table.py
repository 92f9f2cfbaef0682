#!/usr/bin/env python3
"""build-table.py - what images hold, as text, for the table of builds in tests/data/build.

   build-table.py check ARCHIVE CASES     compare each image localhost/table/NAME with CASES/NAME/{tree,config}
   build-table.py write ARCHIVE CASES     write these files
   build-table.py attributes ARCHIVE      print the extended attributes in all layers, as "PATH NAME=hex"

ARCHIVE is one docker-archive or several ("a,b"), in which localhost/busybox is, too: a tree lists only what differs from
that image, one path a line, "-" before what is gone. Times are not compared. Any attribute of an
overlay in a layer is an error.
"""
import difflib
import hashlib
import json
import os
import sys
import tarfile

SHORT = 200
KEYS = ["User", "Env", "Cmd", "Entrypoint", "WorkingDir", "Labels", "ExposedPorts", "Volumes",
        "StopSignal", "Healthcheck", "Shell", "OnBuild"]
LEFT = {(("etc", name), 'file 755 0:0 ""') for name in ("hostname", "hosts", "resolv.conf")}


class Node:
    def __init__(self, member, data=b""):
        self.kind = ("dir" if member.isdir() else "link" if member.issym() else
                     "fifo" if member.isfifo() else "file" if member.isreg() else "device")
        self.mode, self.owner = member.mode & 0o7777, f"{member.uid}:{member.gid}"
        self.target, self.data = member.linkname, data
        self.xattrs = {k.removeprefix("SCHILY.xattr."): v for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")}


def quoted(text):
    return json.dumps(text, ensure_ascii=True)


def parts(name):
    return tuple(p for p in name.split("/") if p not in ("", "."))


def remove(tree, path):
    for p in [p for p in tree if p[:len(path)] == path]:
        del tree[p]


def apply(tree, layer):
    """One layer over a tree: {path as a tuple: Node}; hard links share their Node."""
    members = [(parts(m.name), m) for m in layer]
    for path, _ in members:
        if path and path[-1] == ".wh..wh..opq":
            for p in [p for p in tree if p[:len(path) - 1] == path[:-1] and len(p) >= len(path)]:
                del tree[p]
        elif path and path[-1].startswith(".wh."):
            remove(tree, path[:-1] + (path[-1][4:],))
    for path, m in members:
        if path and path[-1].startswith(".wh."):
            continue
        for n in range(1, len(path)):
            if path[:n] not in tree:
                tree[path[:n]] = Node(folder())
        if m.islnk():
            tree[path] = tree[parts(m.linkname)]
            continue
        node = Node(m, layer.extractfile(m).read() if m.isreg() else b"")
        if path in tree and (node.kind != "dir" or tree[path].kind != "dir"):
            remove(tree, path)
        for key in node.xattrs:
            if "overlay" in key:
                raise SystemExit(f"the attribute {key} of an overlay is in a layer, at /{'/'.join(path)}")
        tree[path] = node


def folder():
    m = tarfile.TarInfo()
    m.type, m.mode = tarfile.DIRTYPE, 0o755
    return m


class Archive:
    def __init__(self, paths):
        self.images, self.trees = {}, {}
        for path in paths.split(","):
            self.add(tarfile.open(path, encoding="utf-8", errors="surrogateescape"))

    def add(self, tar):
        for image in json.load(tar.extractfile("manifest.json")):
            config = json.load(tar.extractfile(image["Config"]))
            layers = [(tar, layer) for layer in image["Layers"] or []]
            for tag in image["RepoTags"] or []:
                self.images[tag.removesuffix(":latest")] = (config, layers)

    def tree(self, name):
        config, layers = self.images[name]
        return self.below(tuple(config["rootfs"]["diff_ids"] or []), layers)

    def below(self, ids, layers):
        if ids not in self.trees:
            tree = dict(self.below(ids[:-1], layers)) if ids else {}
            if ids:
                tar, layer = layers[len(ids) - 1]
                with tar.extractfile(layer) as f:
                    apply(tree, tarfile.open(fileobj=f, encoding="utf-8", errors="surrogateescape"))
            self.trees[ids] = tree
        return self.trees[ids]


def describe(node, path, first, known):
    if first != path:
        return "= " + quoted("/" + "/".join(first))
    text = f"{node.kind} {node.mode:o} {node.owner}" if node.kind != "link" else f"link {node.owner}"
    if node.kind == "link":
        text += " " + quoted(node.target)
    if node.kind == "file":
        digest = hashlib.sha256(node.data).hexdigest()
        text += (" " + quoted(node.data.decode("utf-8", "surrogateescape")) if len(node.data) <= SHORT
                 else " as " + known[digest] if digest in known else f" {len(node.data)} sha256:{digest}")
    for key, value in sorted(node.xattrs.items()):
        text += f" {key}={quoted(value)}"
    return text


def lines(tree):
    """{path: its line}, where all of a file's names but the first lead to that."""
    first, ret = {}, {}
    for path in sorted(tree):
        first.setdefault(id(tree[path]), path)
    return {p: (n, first[id(n)]) for p, n in tree.items()}


def show_tree(archive, name, todo):
    base, tree = archive.tree("localhost/busybox"), archive.tree(name)
    known = {hashlib.sha256(n.data).hexdigest(): "/" + "/".join(p) for p, n in sorted(base.items())
             if n.kind == "file" and len(n.data) > SHORT}
    ids = [archive.images[i][0]["rootfs"]["diff_ids"] or [None] for i in ("localhost/busybox", name)]
    old = {}
    if ids[0][0] == ids[1][0]:
        old = {p: describe(n, p, f, known) for p, (n, f) in lines(base).items()}
    new = {p: describe(n, p, f, known) for p, (n, f) in lines(tree).items()}
    if todo == "write":  # what buildah's chroot leaves of its mounts is no part of an image
        new = {p: t for p, t in new.items() if p in old or (p, t) not in LEFT}
    root = new.pop((), None)
    out = [quoted("/") + " " + root] if root and root != "dir 755 0:0" else []
    for p in sorted(set(old) | set(new)):
        if p and old.get(p) != new.get(p):
            path = quoted("/" + "/".join(p))
            if p in new:
                out.append(path + " " + new[p])
            elif p[:-1] in new or not p[:-1]:
                out.append("- " + path)
    return "".join(line + "\n" for line in out)


def show_config(archive, name):
    doc = archive.images[name][0]
    config = {k: doc.get("config", {}).get(k) for k in KEYS}
    config["Author"] = doc.get("author")
    config = {k: v for k, v in config.items() if v not in (None, "", {}, [])}
    if "Labels" in config:
        config["Labels"].pop("io.buildah.version", None)
        config = {k: v for k, v in config.items() if v != {}}
    return json.dumps(config, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def compare(case, what, got):
    path = os.path.join(case, what)
    want = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
    if want == got:
        return True
    sys.stdout.writelines(difflib.unified_diff(want.splitlines(True), got.splitlines(True),
                                               f"{os.path.basename(case)}: wanted {what}", "got", n=0))
    return False


def print_attributes(archive):
    for name in sorted(archive.images):
        for path, node in sorted(archive.tree(name).items()):
            for key, value in sorted(node.xattrs.items()):
                print("/" + "/".join(path), key + "=" + value.encode("utf-8", "surrogateescape").hex())


def main():
    todo, archive = sys.argv[1], Archive(sys.argv[2])
    if todo == "attributes":
        return print_attributes(archive)
    cases, good = sys.argv[3], True
    for name in sorted(archive.images):
        if not name.startswith("localhost/table/"):
            continue
        case = os.path.join(cases, name.removeprefix("localhost/table/"))
        for what, got in (("tree", show_tree(archive, name, todo)), ("config", show_config(archive, name))):
            if todo == "write":
                with open(os.path.join(case, what), "w", encoding="utf-8") as f:
                    f.write(got)
            else:
                good = compare(case, what, got) and good
    sys.exit(0 if good else 1)


main()

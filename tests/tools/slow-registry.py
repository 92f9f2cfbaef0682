#!/usr/bin/env python3
"""slow-registry - a registry that counts what it sends, for tests/cli/crash-images.bats.

    slow-registry.py FOLDER             serve on a free port of 127.0.0.1, written to FOLDER/port
    slow-registry.py FOLDER missing STATE
                                        bytes of the layers that the store STATE does not have, in
                                        whole layers or in what killed pulls left below tmp/

Every repository has the same image of four layers; below other/ with another config. FOLDER/rate holds bytes a second for each blob
(0: as fast as it goes). FOLDER/log gets "START kind HEX" when a blob's sending begins and "kind HEX
bytes" when it ends, kind being config or layer.
"""
import glob
import gzip
import hashlib
import http.server
import io
import json
import os
import socketserver
import subprocess
import sys
import tarfile
import threading
import time

OCI = "application/vnd.oci.image."
LAYERS, NOISE, PIECE = 4, 1500000, 16384


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_layer(number):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        noise = b"".join(hashlib.sha256(b"%d %d" % (number, i)).digest() for i in range(NOISE // 32))
        for i in range(30):
            piece = noise[i * NOISE // 30:(i + 1) * NOISE // 30]
            info = tarfile.TarInfo("layer-%d/%d" % (number, i))
            info.size = len(piece)
            tar.addfile(info, io.BytesIO(piece))
    return out.getvalue()


TARS = [make_layer(i) for i in range(LAYERS)]
BLOBS = [gzip.compress(tar, 1, mtime=0) for tar in TARS]
ARCH = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True).stdout.strip()


def image(command):
    config = json.dumps({"architecture": ARCH, "os": "linux", "config": {"Cmd": [command]},
                         "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in TARS]}}).encode()
    return config, json.dumps({
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
        "config": {"mediaType": OCI + "config.v1+json", "digest": digest(config), "size": len(config)},
        "layers": [{"mediaType": OCI + "layer.v1.tar+gzip", "digest": digest(blob), "size": len(blob)}
                   for blob in BLOBS]}).encode()


(CONFIG, MANIFEST), (OTHER_CONFIG, OTHER_MANIFEST) = image("/none"), image("/other")
BY_DIGEST = {digest(blob): ("layer", blob) for blob in BLOBS}
BY_DIGEST.update({digest(c): ("config", c) for c in (CONFIG, OTHER_CONFIG)})


def missing(state):
    total = 0
    for tar, blob in zip(TARS, BLOBS):
        if os.path.isdir("%s/layers/%s/tree" % (state, digest(tar)[7:])) or \
                os.path.exists("%s/blobs/sha256/%s" % (state, digest(blob)[7:])):
            continue
        left = [os.path.getsize(name) for name in glob.glob("%s/tmp/*/%s.*" % (state, digest(blob)[7:]))]
        total += len(blob) - max(left, default=0)
    return total


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, *words):
        with self.server.lock, open(self.server.folder + "/log", "a") as log:
            log.write(" ".join(map(str, words)) + "\n")

    def answer(self, status, body, *headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET" and body:
            self.send(body)

    def send(self, body):
        with open(self.server.folder + "/rate") as file:
            rate = int(file.read())
        self.sent, began = 0, time.time()
        for at in range(0, len(body), PIECE):
            self.wfile.write(body[at:at + PIECE])
            self.sent = min(len(body), at + PIECE)
            if rate:
                time.sleep(max(0, began + self.sent / rate - time.time()))

    def blob(self, name):
        kind, body = BY_DIGEST[name]
        start = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        if start >= len(body):
            return self.answer(416, b"")
        self.note("START", kind, name[7:])
        self.sent = 0
        try:
            if start:
                self.answer(206, body[start:],
                            ("Content-Range", "bytes %d-%d/%d" % (start, len(body) - 1, len(body))))
            else:
                self.answer(200, body)
        except OSError:
            self.close_connection = True
        self.note(kind, name[7:], self.sent)
        return None

    def do_GET(self):
        what = self.path.rpartition("/")[2]
        if self.path == "/v2/":
            return self.answer(200, b"{}")
        if "/manifests/" in self.path:
            other = self.path.startswith("/v2/other/")
            return self.answer(200, OTHER_MANIFEST if other else MANIFEST, ("Content-Type", OCI + "manifest.v1+json"))
        if "/blobs/" in self.path and what in BY_DIGEST:
            return self.blob(what)
        return self.answer(404, b"")

    do_HEAD = do_GET


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


def main():
    folder = sys.argv[1]
    if len(sys.argv) > 2:
        print(missing(sys.argv[3]))
        return
    server = Server(("127.0.0.1", 0), Handler)
    server.folder, server.lock = folder, threading.Lock()
    for name, content in (("log", ""), ("rate", "0\n"), ("port.new", "%d\n" % server.server_address[1])):
        with open("%s/%s" % (folder, name), "w") as out:
            out.write(content)
    os.rename(folder + "/port.new", folder + "/port")
    server.serve_forever()


main()

#!/usr/bin/env python3
"""fake-registry - a registry that misbehaves, for tests/cli/pull.bats and its neighbours.

    fake-registry.py FOLDER

Serves on free ports of 127.0.0.1 until it is killed, and writes FOLDER/ports: "http other tls".
"other" is a second origin for redirects. The first part of a repository's name is the fault, the
rest makes it the caller's own: http/cut-once/7 is cut once for whoever uses the 7. FOLDER/log gets
a line per request: port kind, method, path, "auth" or "-", Range or "-". FOLDER/tls.crt is the
authority of the TLS port, FOLDER/tls.key its key (made by openssl). More ports, a file each: "login-port" wants
a token of a server that wants a password, "basic-port" a password (tester:secret or other:hush), "slow-port" answers
late; "root-FAULT-port" is a registry whose root misbehaves, for logins.
"""
import base64
import email.utils
import gzip
import hashlib
import http.server
import io
import json
import os
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import tarfile
import threading
import time

sys.dont_write_bytecode = True
from fake_upload import Uploads # noqa: E402 (it stands beside)

OCI = "application/vnd.oci.image."
PIECE = 1 << 16


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_layer():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in (("hello", b"hello\n"), ("noise", bytes(i * 7919 % 251 for i in range(3 << 20)))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        # bytes that do not compress, so that a cut falls into the middle of a long body
        info = tarfile.TarInfo("random")
        data = b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(1 << 16))
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


TAR = make_layer()
BLOB = gzip.compress(TAR, 1, mtime=0)
ARCH = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True).stdout.strip()


def config_of(diff_ids):
    return json.dumps({"architecture": ARCH, "os": "linux", "config": {"Cmd": ["/hello"]},
                       "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()


CONFIG = config_of([digest(TAR)])
LYING_CONFIG = config_of([digest(TAR + b"x")])
TWO_CONFIG = config_of([digest(TAR), digest(TAR)])
DOUBLE_CONFIG = CONFIG.replace(b'"os"', b'"os": "plan9", "os"', 1)


def manifest(config=CONFIG, size=None, layer_digest=None, layer_type="layer.v1.tar+gzip", **more):
    doc = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
           "config": {"mediaType": OCI + "config.v1+json", "digest": digest(config), "size": len(config)},
           "layers": [{"mediaType": OCI + layer_type, "digest": layer_digest or digest(BLOB),
                       "size": len(BLOB) if size is None else size}]}
    doc.update(more)
    return json.dumps(doc).encode()


GOOD = manifest()


def index(*platforms, of=GOOD, kind="manifest", size=None):
    return json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [
        {"mediaType": OCI + kind + ".v1+json", "digest": digest(of), "size": len(of) if size is None else size,
         "platform": dict(zip(("os", "architecture", "variant"), p.split("/")))} for p in platforms]}).encode()


MANIFESTS = {
    "wrong-size-more": manifest(size=len(BLOB) + 1),
    "wrong-size-less": manifest(size=len(BLOB) - 1),
    "wrong-diff-id": manifest(config=LYING_CONFIG),
    "layer-count": manifest(config=TWO_CONFIG),
    "both": manifest(manifests=[]),
    "index": index("linux/s390x", "linux/" + ARCH),
    "index-moved": index("linux/" + ARCH),
    "no-platform": index("linux/s390x", "linux/ppc64le"),
    "duplicate-keys": GOOD.replace(b'{"schemaVersion"', b'{"schemaVersion": 2, "schemaVersion"', 1),
    "deep": b'{"schemaVersion": 2, "layers": ' + b"[" * 10000 + b"]" * 10000 + b"}",
    "big-manifest": GOOD + b" " * (5 << 20),
    "not-json": b"<html>welcome to the hotel's network</html>",
    "schema-1": b'{"schemaVersion": 1, "name": "x", "fsLayers": []}',
    "unknown-compression": manifest(layer_type="layer.v1.tar+xz"),
    "unknown-type": manifest(mediaType="application/x-surprise"),
    "foreign": GOOD.replace(b'"layers": [{', b'"layers": [{"urls": ["http://192.0.2.1/layer"], ', 1),
    "foreign-missing": manifest(layer_type="layer.nondistributable.v1.tar+gzip"),
    "foreign-type": manifest(layer_type="layer.nondistributable.v1.tar+gzip"),
    "helm": GOOD.replace((OCI + "config.v1+json").encode(), b"application/vnd.cncf.helm.config.v1+json"),
    "digest-path": manifest(layer_digest="sha256:../../../../etc/passwd"),
    "digest-upper": manifest(layer_digest=digest(BLOB).upper().replace("SHA256", "sha256")),
    "digest-63": manifest(layer_digest=digest(BLOB)[:-1]),
    "digest-512": manifest(layer_digest="sha512:" + hashlib.sha512(BLOB).hexdigest()),
    "digest-blank": manifest(layer_digest=digest(BLOB) + " "),
    "digest-config": GOOD.replace(digest(CONFIG).encode(), b"sha256:abc", 1),
    "size-negative": manifest(size=-1),
    "size-huge": GOOD.replace(b'"size": %d' % len(BLOB), b'"size": 1' + b"0" * 30),
    "size-float": manifest(size=1.5),
    "size-words": manifest(size="many"),
    "config-size": GOOD.replace(b'"size": %d' % len(CONFIG), b'"size": %d' % (len(CONFIG) - 1), 1),
    "config-large": GOOD.replace(b'"size": %d' % len(CONFIG), b'"size": 1000000000', 1),
    "config-double": manifest(config=DOUBLE_CONFIG),
    "index-empty": index(),
    "index-in-index": index("linux/" + ARCH, of=index("linux/" + ARCH), kind="index"),
    "index-size": index("linux/" + ARCH, size=len(GOOD) + 1),
    "no-layers": GOOD.replace(b'"layers"', b'"slices"', 1),
    "duplicate-inner": GOOD.replace(b'"layers": [{', b'"layers": [{"size": 1, ', 1),
    "digest-md5": manifest(layer_digest="md5:" + hashlib.md5(BLOB).hexdigest()),
}
CONFIGS = {digest(c): c for c in (CONFIG, LYING_CONFIG, TWO_CONFIG, DOUBLE_CONFIG)}

USERS = ["Basic " + base64.b64encode(words).decode() for words in (b"tester:secret", b"other:hush")]

# Repositories whose requests want a token; what goes wrong with it is the token server's.
TOKENS = ("token", "token-bad", "token-expires", "redirect-token", "token-redirect", "token-loop", "token-endless",
          "token-html", "token-none", "token-429", "token-503", "token-500", "token-401")

# Ports of their own, for logins: what their root does.
ROOTS = ["root-" + fault for fault in (
    "auth-loop", "basic-loop", "unknown-scheme", "realm-http", "realm-none", "realm-moved", "basic-moved", "missing",
    "500-always", "headers", "redirect-loop", "error-endless", "reset-first", "not-http", "length-two", "slow-headers",
    "429-odd-date")]

count_lock = threading.Lock()
counts = {}


def nth(*key):
    """How often this was asked before."""
    with count_lock:
        counts[key] = counts.get(key, 0) + 1
        return counts[key] - 1


class Handler(Uploads, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", *headers, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if length is not None:
            self.close_connection = True

    def endless(self, status=200):
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"%x\r\n" % PIECE + b"x" * PIECE + b"\r\n")

    def error(self, status, code, message, *headers):
        self.answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), *headers)

    def address(self, kind):
        return "%s://127.0.0.1:%d" % ("https" if kind == "tls" else "http", self.server.ports[kind])

    def challenge(self, realm=None, message="authentication required"):
        self.error(401, "UNAUTHORIZED", message, ("WWW-Authenticate", 'Bearer realm="%s",service="fake"'
                                                  % (realm or self.address("http") + "/token")))

    # --- which part of the API ---

    def note(self, auth):
        with open(self.server.folder + "/log", "a") as log:
            log.write("%s %s %s %s %s\n" % (self.server.kind, self.command, self.path, "auth" if auth else "-",
                                            self.headers.get("Range", "-")))

    def do_GET(self):
        self.note("Authorization" in self.headers)
        try:
            self.route()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    do_HEAD = do_GET

    def nth(self, *key):
        return nth("upload", *key)

    def do_PUT(self):
        self.note("Authorization" in self.headers)
        try:
            self.upload_route()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    do_PATCH = do_DELETE = do_PUT

    def do_POST(self):
        if self.path.startswith("/v2/"):
            return self.do_PUT()
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.note("Authorization" in self.headers or "refresh_token=" in form)
        if "realm=moved" in self.path:
            return self.answer(307, b"", ("Location", self.address("other") + "/token"))
        if self.path == "/token" and "grant_type=refresh_token" in form and "refresh_token=ident%2Bity" in form:
            return self.answer(200, b'{"access_token": "opensesame"}')
        return self.error(401, "UNAUTHORIZED", "not you")

    def login(self):
        """The ports that want a login for everything. True: this request is answered."""
        kind, given = self.server.kind, self.headers.get("Authorization", "")
        if kind == "slow":
            time.sleep(30)
        if kind == "basic" and given not in USERS:
            self.error(401, "UNAUTHORIZED", "who are you", ("WWW-Authenticate", 'Basic realm="fake"'))
        elif kind == "login" and self.path.startswith("/token") and given not in USERS:
            self.error(401, "UNAUTHORIZED", "incorrect username or password")
        elif kind == "login" and not self.path.startswith("/token") and given != "Bearer opensesame":
            self.challenge(self.address("login") + "/token")
        else:
            return False
        return True

    def root(self, fault, path):
        """The ports whose root misbehaves, for logins. True: answered."""
        if path != "/v2/":
            return False
        if fault == "auth-loop":
            self.challenge()
        elif fault == "basic-loop":
            self.error(401, "UNAUTHORIZED", "who are you", ("WWW-Authenticate", 'Basic realm="fake"'))
        elif fault == "unknown-scheme":
            self.error(401, "UNAUTHORIZED", "who are you", ("WWW-Authenticate", 'Negotiate'))
        elif fault == "realm-http":
            self.challenge("http://192.0.2.1/token")
        elif fault == "realm-none":
            self.error(401, "UNAUTHORIZED", "no", ("WWW-Authenticate", 'Bearer service="fake"'))
        elif fault == "realm-moved":
            self.challenge(self.address("http") + "/token?realm=moved")
        elif fault == "basic-moved" and "Authorization" in self.headers:
            self.answer(307, b"", ("Location", self.address("basic") + "/v2/"))
        elif fault == "basic-moved":
            self.error(401, "UNAUTHORIZED", "who are you", ("WWW-Authenticate", 'Basic realm="fake"'))
        elif fault == "missing":
            self.answer(404, b"<html>no such page</html>")
        else:
            self.broken_answer(fault, "root")
        return True

    def route(self):
        path, _, query = self.path.partition("?")
        if self.login() or (self.server.kind.startswith("root-") and self.root(self.server.kind[5:], path)):
            return None
        if path == "/v2/":
            return self.answer(200, b"{}")
        if path == "/token":
            return self.token(query)
        if path.startswith("/loop"):
            return self.answer(302, b"", ("Location", "/loop%d" % (int(path[5:]) + 1)))
        for kind in ("manifests", "blobs"):
            repo, sep, what = path[len("/v2/"):].rpartition("/%s/" % kind)
            if sep:
                return self.serve(repo, repo.split("/")[0], kind, what)
        return self.answer(404)

    def reset(self, begin=b""):
        """Some bytes, and then no more of this connection."""
        self.wfile.write(begin)
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        os.close(self.connection.detach()) # close() would wait for rfile and wfile

    def drip(self, begin=b""):
        """A byte a second, for ever."""
        self.wfile.write(begin)
        while True:
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(1)

    def raw(self, *lines, body=b""):
        """An answer as we like it, and the end of the connection."""
        self.wfile.write("".join(line + "\r\n" for line in lines + ("",)).encode() + body)
        self.close_connection = True

    def token_fault(self, query):
        """What the token server does for repositories that are called so. True: it was done."""
        if "token-redirect" in query or self.server.kind != "other" and "realm=moved" in query:
            self.answer(307, b"", ("Location", self.address("other") + self.path))
        elif "token-loop" in query:
            self.answer(302, b"", ("Location", "/loop1"))
        elif "token-endless" in query:
            self.endless()
        elif "token-html" in query:
            self.answer(200, b"<html>log in here</html>")
        elif "token-none" in query:
            self.answer(200, b"{}")
        elif "token-429" in query and nth("429", query) == 0:
            self.error(429, "TOOMANYREQUESTS", "slow down", ("Retry-After", "1"))
        elif "token-503" in query and nth("503", query) == 0:
            self.answer(503, b"busy")
        elif "token-500" in query:
            self.answer(500, b"oops")
        elif "token-401" in query:
            self.challenge()
        else:
            return False
        return True

    def token(self, query):
        if self.server.kind != "other" and self.token_fault(query):
            return None
        if "repository%3Atoken-bad" in query or "repository:token-bad" in query:
            return self.answer(200, b'{"token": "a\\r\\nX-Injected: b"}')
        if "token-short" in query:
            return self.answer(200, b'{"token": "short%d"}' % nth("short"))
        return self.answer(200, b'{"token": "opensesame", "expires_in": 60}')

    def serve(self, repo, fault, kind, what):
        if self.any_fault(repo, fault, kind, what) or self.stored(repo, kind, what):
            return None
        return self.manifest(repo, fault, what) if kind == "manifests" else self.blob(repo, fault, what)

    # --- faults of every request ---

    def broken_answer(self, fault, kind):
        """What is hardly HTTP; fault-blob for blobs alone. True: it was sent."""
        if fault.endswith("-blob") and kind == "blobs":
            fault = fault[:-len("-blob")]
        if fault == "reset-first":
            self.reset()
        elif fault == "reset-manifest":
            self.reset(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD[:50])
        elif fault == "hang-up":
            self.close_connection = True
        elif fault == "not-http":
            self.raw("SSH-2.0-OpenSSH_9.2p1")
        elif fault == "no-status":
            self.raw("HTTP/1.1 \x1b[31mred")
        elif fault == "length-negative":
            self.raw("HTTP/1.1 200 OK", "Content-Length: -5", body=GOOD)
        elif fault == "length-words":
            self.raw("HTTP/1.1 200 OK", "Content-Length: lots", body=GOOD)
        elif fault == "length-two":
            self.raw("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: %d" % len(GOOD), body=GOOD)
        elif fault == "length-huge":
            self.raw("HTTP/1.1 200 OK", "Content-Length: 9" + "0" * 30, body=GOOD)
        elif fault == "chunks-bad":
            self.raw("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b"zz\r\n" + GOOD)
        elif fault == "chunks-huge":
            self.raw("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b"f" * 40 + b"\r\n" + GOOD)
        elif fault == "header-long":
            self.raw("HTTP/1.1 200 OK", "X-Long: " + "x" * (2 << 20), body=GOOD)
        elif fault == "no-content":
            self.raw("HTTP/1.1 204 No Content")
        elif fault == "not-modified":
            self.raw("HTTP/1.1 304 Not Modified")
        elif fault == "continue-endless":
            while True:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        elif fault == "error-endless":
            self.endless(404)
        elif fault == "error-hostile":
            self.answer(400, b'{"errors": [[], 1, {"code": {"code": 1}}]}')
        elif fault == "slow-headers":
            self.drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        elif fault == "slow-manifest" and kind == "manifests":
            self.drip(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(GOOD))
        elif fault == "slow-nothing":
            time.sleep(3600)
        elif fault == "redirect-loop":
            self.answer(302, b"", ("Location", "/loop1"))
        elif fault == "headers":
            self.send_response(200)
            for i in range(100000):
                self.send_header("X-%d" % i, "x")
            self.end_headers()
        elif fault == "500-always":
            self.answer(500, b"oops")
        elif fault == "502-html":
            self.answer(502, b"<html>" + b"bad gateway" * 10000)
        elif fault == "429-odd-date":
            self.error(429, "TOOMANYREQUESTS", "slow down", ("Retry-After", "Thu, 99 Foo 2099 99:99:99 GMT"))
        else:
            return False
        return True

    def spend(self, repo):
        """A token of token-short is good for one request."""
        token = self.headers.get("Authorization", "")
        return token.startswith("Bearer short") and nth("spent", repo, token) == 0

    def any_fault(self, repo, fault, kind, what):
        authorized = "Authorization" in self.headers
        if fault == "auth-loop":
            self.challenge()
        elif fault == "realm-http":
            self.challenge("http://192.0.2.1/token")
        elif fault == "realm-other" and not authorized:
            self.challenge(self.address("other") + "/token")
        elif fault == "realm-moved" and not authorized:
            self.challenge(self.address("http") + "/token?realm=moved")
        elif fault == "realm-none":
            self.error(401, "UNAUTHORIZED", "no", ("WWW-Authenticate", 'Bearer service="fake"'))
        elif fault in TOKENS and not authorized and self.server.kind != "other":
            self.challenge()
        elif fault == "auth-loop-blob" and kind == "blobs":
            self.challenge()
        elif self.broken_answer(fault, kind):
            pass
        elif fault in ("basic", "redirect-basic") and not authorized and self.server.kind != "other":
            self.error(401, "UNAUTHORIZED", "who are you", ("WWW-Authenticate", 'Basic realm="fake"'))
        elif fault == "token-short" and not self.spend(repo):
            self.challenge(message="token expired")
        elif fault == "token-expires" and kind == "blobs" and nth(repo, what) == 0:
            self.challenge(message="token expired")
        elif fault == "redirect-file":
            self.answer(302, b"", ("Location", "file:///etc/passwd"))
        elif fault == "redirect-nowhere":
            self.answer(302)
        elif fault == "redirect-down":
            self.answer(302, b"", ("Location", self.address("http") + "/v2/ok/1/%s/%s" % (kind, what)))
        elif fault == "redirect-down-blob" and kind == "blobs":
            self.answer(307, b"", ("Location", self.address("http") + "/v2/ok/1/%s/%s" % (kind, what)))
        elif fault == "429-seconds" and nth(repo, what) == 0:
            self.error(429, "TOOMANYREQUESTS", "slow down", ("Retry-After", "1"))
        elif fault == "429-date" and nth(repo, what) == 0:
            self.error(429, "TOOMANYREQUESTS", "slow down",
                       ("Retry-After", email.utils.formatdate(time.time() + 2, usegmt=True)))
        elif fault == "429-long":
            self.error(429, "TOOMANYREQUESTS", "slow down", ("Retry-After", "3600"),
                       ("RateLimit-Limit", "100;w=21600"), ("RateLimit-Remaining", "0;w=21600"))
        elif fault == "429-odd":
            self.error(429, "TOOMANYREQUESTS", "slow down", ("Retry-After", "3600"),
                       ("RateLimit-Limit", "\x1b[31m100;w=lots%n"), ("RateLimit-Remaining", "0"))
        elif fault == "500-burst" and nth(repo, what) < 2:
            self.answer(500, b"oops")
        elif fault == "escape":
            self.error(404, "MANIFEST_UNKNOWN", "\x1b]0;owned\x07\x1b[31mred")
        elif fault.startswith("sig-") and what.endswith(".sig"):
            self.signature_fault(fault)
        elif fault == "denied":
            self.error(403, "DENIED", "requested access to the resource is denied")
        else:
            return False
        return True

    def signature_fault(self, fault):
        """The tag with an image's signatures: only this one, the image itself is whole."""
        if fault == "sig-500":
            self.answer(500, b"oops")
        elif fault == "sig-denied":
            self.error(403, "DENIED", "no")
        elif fault == "sig-loop":
            self.challenge()
        elif fault == "sig-endless":
            self.endless()
        elif fault == "sig-cut":
            self.answer(200, GOOD[:50], length=len(GOOD))
        elif fault == "sig-html":
            self.answer(200, b"<html>welcome</html>")
        elif fault == "sig-missing":
            self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        elif fault == "sig-list":
            self.answer(200, index("linux/" + ARCH))
        elif fault == "sig-payload": # a payload that the registry does not have
            self.answer(200, manifest(layer_digest=digest(b"gone"), size=4).replace(
                (OCI + "layer.v1.tar+gzip").encode(), b"application/vnd.dev.cosign.simplesigning.v1+json"))
        else:
            self.answer(200, GOOD) # an image, in which nothing is a signature

    # --- manifests ---

    def manifest(self, repo, fault, what):
        if fault == "endless-manifest":
            return self.endless()
        body = MANIFESTS.get(fault, GOOD)
        if what == digest(GOOD):
            body = GOOD
        if fault == "index-moved" and what != "latest":
            body = manifest(annotations={"moved": "yes"})
        if fault == "index-in-index" and what != "latest":
            body = index("linux/" + ARCH)
        if fault == "tag-moves" and not what.startswith("sha256:") and nth(repo, what):
            body = manifest(annotations={"moved": "yes"})
        named = digest(b"another") if fault == "digest-lie" else digest(body)
        if fault == "digest-lie-grammar":
            named = "sha256:../../x"
        if fault == "missing":
            return self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        if fault == "manifest-cut":
            return self.answer(200, body[:50], length=len(body))
        if fault == "manifest-altered":
            body = body.replace(b"linux", b"minix") + b" "
        if fault in ("manifest-short", "manifest-short-unnamed"):
            body = body[:-20]
        if fault in ("manifest-short-unnamed", "unnamed"):
            return self.answer(200, body)
        doc_type = "index" if b'"manifests"' in body else "manifest"
        return self.answer(200, body, ("Docker-Content-Digest", named),
                           ("Content-Type", OCI + doc_type + ".v1+json"))

    # --- blobs ---

    def blob(self, repo, fault, what):
        if what in CONFIGS:
            body = CONFIGS[what]
            if fault == "config-altered":
                body = body.replace(b"linux", b"minix")
            if fault == "config-cut":
                return self.answer(200, body[:20], length=len(body))
            if fault == "config-short":
                return self.answer(200, body[:20])
            if fault == "config-long":
                return self.answer(200, body + b" ")
            if fault == "config-endless":
                return self.endless()
            if fault == "config-missing":
                return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
            return self.answer(200, body)
        if what != digest(BLOB):
            return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        half = len(BLOB) // 2
        if fault == "truncated":
            return self.answer(200, BLOB[:half], length=len(BLOB))
        if fault == "wrong-length":
            return self.answer(200, BLOB[:half])
        if fault == "altered":
            return self.answer(200, BLOB[:half] + bytes([BLOB[half] ^ 1]) + BLOB[half + 1:])
        if fault == "altered-head":
            return self.answer(200, b"not gzip" + BLOB[8:])
        if fault == "too-long":
            return self.answer(200, BLOB + b"more")
        if fault == "endless":
            return self.endless()
        if fault in ("slow", "stall"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(BLOB)))
            self.end_headers()
            return self.drip(BLOB[:half])
        if fault in ("blob-missing", "foreign-missing"):
            return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if fault == "503-once" and nth(repo, what) == 0:
            return self.answer(503, b"busy")
        if fault in ("reset-once", "reset") and (fault == "reset" or nth(repo, what) == 0):
            return self.reset(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BLOB) + BLOB[:half])
        if fault in ("cut-once", "cut-norange", "token-short") and nth(repo, what) == 0:
            return self.answer(200, BLOB[:half], length=len(BLOB))
        if fault == "bad-range" and "Range" in self.headers:
            return self.answer(206, BLOB[5:], ("Content-Range", "bytes 5-%d/%d" % (len(BLOB) - 1, len(BLOB))))
        if fault == "bad-range":
            return self.answer(200, BLOB[:half], length=len(BLOB))
        if fault in ("redirect-blob", "redirect-token", "redirect-basic") and self.server.kind != "other":
            return self.answer(307, b"", ("Location", self.address("other") + self.path))
        if "Range" in self.headers and fault != "cut-norange":
            start = int(self.headers["Range"][len("bytes="):].split("-")[0])
            return self.answer(206, BLOB[start:],
                               ("Content-Range", "bytes %d-%d/%d" % (start, len(BLOB) - 1, len(BLOB))))
        return self.answer(200, BLOB)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=fake",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", folder + "/tls.key",
                    "-out", folder + "/tls.crt"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/tls.crt", folder + "/tls.key")
    return context


def main():
    folder = sys.argv[1]
    context = make_certificate(folder)
    servers = {kind: Server(("127.0.0.1", 0), Handler) for kind in ["http", "other", "tls", "login", "basic", "slow"] + ROOTS}
    ports = {kind: server.server_address[1] for kind, server in servers.items()}
    servers["tls"].socket = context.wrap_socket(servers["tls"].socket, server_side=True,
                                                do_handshake_on_connect=False)
    open(folder + "/log", "w").close()
    for kind, server in servers.items():
        server.kind, server.ports, server.folder = kind, ports, folder
        threading.Thread(target=server.serve_forever, daemon=True).start()
    for kind in ["login", "basic", "slow"] + ROOTS:
        with open("%s/%s-port" % (folder, kind), "w") as out:
            out.write("%d\n" % ports[kind])
    with open(folder + "/ports.new", "w") as out:
        out.write("%d %d %d\n" % (ports["http"], ports["other"], ports["tls"]))
    os.rename(folder + "/ports.new", folder + "/ports")
    threading.Event().wait()


main()

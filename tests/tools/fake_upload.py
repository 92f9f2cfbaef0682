"""fake_upload - the half of fake-registry that takes images: repositories called up-FAULT/...

What arrived whole is served again. An upload keeps the bytes of a request that failed, as real
registries do, so that one which goes on there instead of beginning anew is found out.
"""
import hashlib
import threading
import time
import urllib.parse

lock = threading.Lock()
blobs = {} # (repo, digest): bytes
manifests = {} # (repo, tag or digest): (bytes, type)
uploads = {} # number: bytearray
LIMIT = 600000 # of a body, where bodies are limited

# Which faults want a token of everybody.
GUARDED = ("up-other-auth", "up-401", "up-401-always", "up-redirect")


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Uploads:
    """For http.server's handlers; needs fake-registry's answer, error, challenge, address, reset, nth."""

    def body(self):
        """Of a request, in chunks or not. None: it broke off."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        data = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            data += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return data

    def upload_route(self):
        path, _, query = self.path.partition("?")
        repo, sep, what = path[len("/v2/"):].rpartition("/blobs/uploads/")
        if sep:
            return self.upload(repo, repo.split("/")[0], what, dict(urllib.parse.parse_qsl(query)))
        repo, sep, what = path[len("/v2/"):].rpartition("/manifests/")
        if sep and self.command == "PUT":
            return self.take_manifest(repo, repo.split("/")[0], what)
        return self.answer(404)

    def stored(self, repo, kind, what):
        """GET and HEAD of what was pushed. True: answered."""
        fault = repo.split("/")[0]
        if not fault.startswith("up-"):
            return False
        if fault in GUARDED and self.server.kind == "http" and "Authorization" not in self.headers:
            self.challenge()
            return True
        if kind == "manifests":
            found, content_type = manifests.get((repo, what), (None, ""))
        else:
            found, content_type = blobs.get((repo, what)), "application/octet-stream"
        if found is None and fault == "up-liar" and kind == "blobs":
            found = b"x" # it says so
        if found is None:
            self.error(404, "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN", "not here")
        else:
            self.answer(200, found, ("Docker-Content-Digest", digest(found)), ("Content-Type", content_type))
        return True

    # --- blobs ---

    def begin(self, repo, fault):
        if fault == "up-denied":
            return self.error(403, "DENIED", "requested access to the resource is denied")
        if fault == "up-begin-503" and self.nth("begin", repo) < 2:
            return self.answer(503, b"busy")
        if fault == "up-headers":
            return self.answer(202, b"", *(("X-%d" % i, "x") for i in range(100000)))
        if fault == "up-nowhere":
            return self.answer(202)
        with lock:
            number = len(uploads) + 1
            uploads[number] = bytearray()
        where = {"up-other": self.address("other"), "up-other-auth": self.address("other"),
                 "up-down": self.address("http"), "up-foreign": "http://192.0.2.1"}.get(fault, "")
        location = where + "/v2/%s/blobs/uploads/%d?state=a%%3Db" % (repo, number)
        return self.answer(202, b"", ("Location", "file:///etc/passwd" if fault == "up-file" else location))

    def upload(self, repo, fault, what, query):
        guarded = fault in GUARDED and self.server.kind == "http"
        if guarded and "Authorization" not in self.headers:
            self.close_connection = True
            return self.challenge()
        if self.command == "POST":
            self.body()
            return self.begin(repo, fault)
        if self.command == "DELETE":
            return self.answer(204)
        if self.upload_fault(repo, fault):
            return None
        data = self.body()
        uploads[int(what)] += data
        if self.command == "PUT" and (fault == "up-500" and self.nth("put", repo) < 2 or fault == "up-500-always"):
            return self.answer(500, b"oops")
        if self.command == "PATCH" and fault == "up-500-patch":
            return self.answer(500, b"oops")
        if self.command == "PATCH":
            return self.answer(202, b"", ("Location", self.path))
        whole = bytes(uploads[int(what)])
        if digest(whole) != query.get("digest"):
            return self.error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        blobs[repo, digest(whole)] = whole
        named = digest(b"another") if fault == "up-lie-blob" else digest(whole)
        return self.answer(201, b"", ("Docker-Content-Digest", named), ("Location", "/v2/%s/blobs/%s" % (repo, named)))

    def upload_fault(self, repo, fault):
        """True: the request has been answered before its body was read."""
        length = int(self.headers.get("Content-Length", "-1"))
        if fault == "up-401" and self.nth("401", repo) == 0 or fault == "up-401-always":
            self.close_connection = True
            self.challenge(message="token expired")
        elif fault in ("up-413", "up-413-always") and (length > LIMIT or length < 0 or fault == "up-413-always"):
            self.close_connection = True
            self.answer(413, b"<html>too large</html>")
        elif fault in ("up-reset", "up-reset-always") and (fault == "up-reset-always" or self.nth("reset", repo) == 0):
            number = int(self.path.partition("?")[0].rpartition("/")[2])
            uploads[number] += self.rfile.read(100)
            self.reset()
        elif fault == "up-redirect" and self.server.kind == "http":
            self.close_connection = True
            self.answer(307, b"", ("Location", self.address("other") + self.path))
        elif fault == "up-slow":
            time.sleep(3600)
        elif fault == "up-endless":
            self.close_connection = True
            self.endless(400)
        else:
            return False
        return True

    # --- manifests ---

    def take_manifest(self, repo, fault, what):
        data = self.body()
        if fault == "up-liar":
            return self.error(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        if fault == "up-invalid":
            return self.error(400, "MANIFEST_INVALID", "manifest invalid")
        if fault == "up-manifest-503" and self.nth("manifest", repo) == 0:
            return self.answer(503, b"busy")
        for key in (what, digest(data)):
            manifests[repo, key] = (data, self.headers["Content-Type"])
        named = digest(b"another") if fault == "up-lie" else digest(data)
        return self.answer(201, b"", ("Docker-Content-Digest", named))

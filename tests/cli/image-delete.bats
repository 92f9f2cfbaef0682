#!/usr/bin/env bats
# rctr image delete: Debian's docker-registry, which deletes whole manifests, and small ones of our
# own that delete tags, or nothing.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load image

setup() {
    common_setup
    mkdir -p root
    echo word >root/word
    oci_pack root >layer.tar
    oci_new start '{}' layer.tar
}

teardown() {
    [ ! -e "$BATS_TEST_TMPDIR/pid" ] || kill "$(cat "$BATS_TEST_TMPDIR/pid")"
    common_teardown
}

# small_registry MODE: one manifest with the tags a and b; deletes "tags", or "never"; "login" wants
# a password for that. What it was asked is in asked.
small_registry() {
    python3 - "$1" >port 3>&- <<'END' &
import base64, hashlib, http.server, sys
mode = sys.argv[1]
body = b'{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":2},"layers":[]}' % (b"0" * 64)
digest = "sha256:" + hashlib.sha256(body).hexdigest()
tags = {"a": body, "b": body, digest: body}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for k, v in headers.items(): self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path == "/v2/": return self.answer(200)
        found = tags.get(self.path.rsplit("/", 1)[1])
        self.answer(200, found, Content_Type="application/vnd.oci.image.manifest.v1+json") if found else self.answer(404)
    def do_DELETE(self):
        what = self.path.rsplit("/", 1)[1]
        with open("asked", "a") as log: log.write(what + "\n")
        if mode == "login" and self.headers.get("Authorization") != "Basic " + base64.b64encode(b"me:secret").decode():
            return self.answer(401, WWW_Authenticate='Basic realm="r"')
        if mode == "never":
            return self.answer(405, b'{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}')
        self.answer(202) if tags.pop(what, None) else self.answer(404)
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
END
    echo $! >pid
    for _ in $(seq 100); do
        [ ! -s port ] || break
        sleep 0.1
    done
    small=127.0.0.1:$(cat port)
}

@test "a manifest is deleted by its tag or its digest, with all its tags, and this is told" {
    need_registry
    repo=$RCTR_TEST_REGISTRY/delete$RANDOM$RANDOM
    digest=$(jq -r '.manifests[0].digest' start/index.json)
    rctr image copy -q oci:start "$repo:a"
    rctr image copy -q oci:start "$repo:b"
    is "$(rctr image delete "docker://$repo:a")" "Deleted: $repo@$digest"
    fails_with 125 "unknown" rctr image copy "$repo:b" dir:x
    fails_with 125 "unknown" rctr image delete "$repo:a"
    rctr image copy -q oci:start "$repo:c"
    rctr image delete -q "$repo@$digest" >out
    is "$(cat out)" ""
    fails_with 125 "unknown" rctr image copy "$repo:c" dir:x
}

@test "where the registry deletes tags, the others stay" {
    small_registry tags
    is "$(rctr image delete "$small/x/y:a")" "Untagged: $small/x/y:a"
    is "$(cat asked)" a
    curl -sf "http://$small/v2/x/y/manifests/b" >/dev/null
    [ ! -e "$RCTR_STATE" ]
    fails_with 125 "not found" rctr image delete "$small/x/y:a"
}

@test "one that forbids it is told in words" {
    small_registry never
    fails_with 125 "does not allow images to be deleted" rctr image delete "$small/x/y:a"
    has "$(cat stderr)" "storage.delete.enabled"
}

@test "it needs the right to" {
    small_registry login
    fails_with 125 "authentication required" rctr image delete "$small/x/y:a"
    fails_with 125 "incorrect username or password" rctr image delete --creds me:wrong "$small/x/y:a"
    rctr image delete --creds me:secret "$small/x/y:a"
}

@test "what is no registry's image is refused" {
    fails_with 125 "only a registry's image" rctr image delete oci:start
    fails_with 125 "rctr rmi" rctr image delete localhost/x
}

#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# import: a root file system in a tar archive becomes an image.
# also: single-uid
load common
load image

make_root() {
    mkdir -p root/etc
    echo hello >root/etc/word
    oci_pack root >root.tar
}

@test "the image has the archive's files, its one layer and the name" {
    make_root
    id=$(rctr import -m 'by hand' root.tar tool)
    is "$(rctr images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}')" "localhost/tool:latest $id"
    is "$(rctr inspect --format '{{index .RootFS.Layers 0}}' tool)" "sha256:$(sha256sum <root.tar | cut -c1-64)"
    is "$(jq -r '.history[0].comment' "$RCTR_STATE/blobs/sha256/${id#sha256:}")" "by hand"
    cmp root/etc/word "$RCTR_STATE"/layers/*/tree/etc/word
    rctr system check
}

@test "standard input, compressed or not, and no name" {
    make_root
    gzip -k root.tar
    rctr import - <root.tar.gz
    rctr import -q - <root.tar
    is "$(rctr images --noheading --format '{{.Repository}}' | sort -u)" "<none>"
    is "$(ls "$RCTR_STATE/layers" | wc -l)" 1
}

@test "changes and the platform stand in the configuration" {
    make_root
    rctr import -c 'CMD ["/bin/x"]' --change 'ENV A=b' -c 'LABEL c=d' -c 'USER 7' -c 'WORKDIR /etc' \
        --platform linux/arm64/v8 root.tar tool:1
    is "$(rctr inspect tool:1 | jq -c '.[0] | [.Config.Cmd, .Config.Env, .Config.Labels, .Config.User, .Config.WorkingDir]')" \
        '[["/bin/x"],["A=b"],{"c":"d"},"7","/etc"]'
    is "$(rctr inspect --format '{{.Os}}/{{.Architecture}}' tool:1)" "linux/arm64"
    rctr import --arch riscv64 root.tar tool:2
    is "$(rctr inspect --format '{{.Architecture}}' tool:2)" "riscv64"
}

@test "what is wrong is told, and nothing stays" {
    make_root
    fails_with 125 "cannot open 'none.tar'" rctr import none.tar
    fails_with 125 "RUN" rctr import -c 'RUN x' root.tar
    fails_with 125 "with a digest" rctr import root.tar "x@sha256:$(printf %064d 1)"
    fails_with 125 "--platform cannot be used with --os" rctr import --platform linux/arm64 --os linux root.tar
    head -c 3000 /dev/urandom >junk
    fails_with 125 "junk: " rctr import junk
    head -c 1000 root.tar >cut.tar
    fails_with 125 "cut.tar: " rctr import cut.tar
    gzip -c root.tar | head -c 100 >cut.gz
    fails_with 125 "the gzip stream ends early" rctr import cut.gz
    is "$(rctr images -aq)" ""
    is "$(ls "$RCTR_STATE/blobs/sha256" "$RCTR_STATE/layers" "$RCTR_STATE/tmp" 2>/dev/null |
        grep -c '^[0-9a-f]')" 0
}

@test "what is imported is saved and loaded again" {
    make_root
    id=$(rctr import root.tar tool)
    rctr save -o tool.tar tool
    rctr rmi tool
    rctr load -i tool.tar
    is "$(rctr images -q --no-trunc)" "$id"
    tar -xOf tool.tar "$(sha256sum <root.tar | cut -c1-64).tar" | cmp - root.tar
}

# web MODE: a small server on loopback whose port is in $port; what it was asked is in asked.
web() {
    python3 - "$1" >port 3>&- <<'END' &
import http.server, sys
mode = sys.argv[1]
count = 0
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def do_GET(self):
        global count
        count += 1
        begin = int((self.headers.get("Range") or "bytes=0-").split("=")[1].rstrip("-"))
        open("asked", "a").write("%s %d\n" % (self.path, begin))
        if self.path.startswith("/away"):
            self.send_response(302)
            self.send_header("Location", "/root.tar")
            return self.end_headers()
        if not self.path.startswith("/root.tar"):
            return self.send_error(404 if self.path == "/none" else 403 if self.path == "/denied" else 500)
        body = open("root.tar", "rb").read()[begin:]
        self.send_response(206 if begin else 200)
        if begin: self.send_header("Content-Range", "bytes %d-%d/%d" % (begin, begin + len(body) - 1, begin + len(body)))
        self.send_header("Content-Length", str(len(body) if mode != "huge" else 1 << 45))
        self.end_headers()
        self.wfile.write(body[:4000] if mode == "cut" and count == 1 else body)
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
END
    echo $! >pid
    for _ in $(seq 100); do
        [ ! -s port ] || break
        sleep 0.1
    done
    url=http://127.0.0.1:$(cat port)
}

teardown() {
    [ ! -e "$BATS_TEST_TMPDIR/pid" ] || kill "$(cat "$BATS_TEST_TMPDIR/pid")"
    common_teardown
}

@test "an address is downloaded" {
    make_root
    web whole
    id=$(rctr import "$url/away?token=secret" tool)
    is "$(jq -r '.history[0].comment' "$RCTR_STATE/blobs/sha256/${id#sha256:}")" "imported from $url/away"
    is "$(rctr import root.tar | wc -c)" 72
    is "$(rctr inspect --format '{{index .RootFS.Layers 0}}' tool)" "sha256:$(sha256sum <root.tar | cut -c1-64)"
    fails_with 125 "$url/none: the server does not have it (status 404)" rctr import "$url/none"
    fails_with 125 "does not give it to anybody (status 403)" rctr import "$url/denied"
    fails_with 125 "status 500" rctr import --retry 0 "$url/broken"
    fails_with 125 "holds a user or a password" rctr import "http://me:secret@127.0.0.1:1/x"
    fails_with 125 "127.0.0.1:1/x" rctr import --retry 0 http://127.0.0.1:1/x
    is "$(ls "$RCTR_STATE/tmp")" ""
}

@test "a download that breaks goes on where it stopped" {
    make_root
    web cut
    rctr import "$url/root.tar" tool 2>err
    grep -q "trying again" err
    is "$(tail -n 1 asked)" "/root.tar 4000"
    is "$(rctr inspect --format '{{index .RootFS.Layers 0}}' tool)" "sha256:$(sha256sum <root.tar | cut -c1-64)"
}

@test "one that is too large is refused before it is there" {
    make_root
    web huge
    fails_with 125 "are free in the store" rctr import "$url/root.tar"
    is "$(rctr images -aq)$(ls "$RCTR_STATE/tmp")" ""
}

# serve.bash - a folder served over http on loopback, with what the tests of build need of a server:
#
#   serve_start FOLDER      $WEB is then "http://127.0.0.1:PORT"; $SERVED is the log of requests
#   serve_stop
# PATH?name=X answers with Content-Disposition; PATH?status=N with that status.
# shellcheck shell=bash

serve_start() {
    local port=
    SERVED=$BATS_TEST_TMPDIR/served
    python3 - "$1" "$SERVED" >"$BATS_TEST_TMPDIR/served.port" 2>/dev/null 3>&- <<'P' &
import functools, http.server, sys, urllib.parse

class Handler(http.server.SimpleHTTPRequestHandler):
    def send_head(self):
        with open(sys.argv[2], "a") as log:
            log.write(self.command + " " + self.path + "\n")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if "status" in query:
            self.send_error(int(query["status"][0]))
            return None
        self.given = query.get("name", [None])[0]
        return super().send_head()

    def end_headers(self):
        if getattr(self, "given", None):
            self.send_header("Content-Disposition", 'attachment; filename="%s"' % self.given)
        super().end_headers()

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print(server.server_port, flush=True)
server.serve_forever()
P
    SERVE_PID=$!
    until [ -n "$port" ]; do
        kill -0 "$SERVE_PID" || return 1
        port=$(cat "$BATS_TEST_TMPDIR/served.port")
        [ -n "$port" ] || sleep 0.1
    done
    WEB=http://127.0.0.1:$port
    touch "$SERVED"
}

serve_stop() {
    [ -z "${SERVE_PID:-}" ] || kill "$SERVE_PID" 2>/dev/null || true
}

# hostile_tars FOLDER: archives that no one should trust, one for each way.
hostile_tars() {
    python3 - "$1" <<'P'
import io, sys, tarfile

def make(name, *entries):
    with tarfile.open(sys.argv[1] + "/" + name, "w") as t:
        for path, what in entries:
            i = tarfile.TarInfo(path)
            for key, value in what.items():
                setattr(i, key, value)
            t.addfile(i, io.BytesIO(b"x" * i.size) if i.type == tarfile.REGTYPE else None)

link = dict(type=tarfile.SYMTYPE)
make("up", ("../../escaped", dict(size=3)))
make("absolute", ("/escaped", dict(size=3)))
make("through", ("l", dict(type=tarfile.SYMTYPE, linkname="/nowhere")), ("l/escaped", dict(size=3)))
make("hard", ("l", dict(type=tarfile.LNKTYPE, linkname="../../../etc/passwd")))
P
    head -c 200000000 /dev/zero >"$1/zeros"
    tar -C "$1" -c zeros | gzip -9 >"$1/bomb-gzip"
    tar -C "$1" -c zeros | xz -0 >"$1/bomb-xz"
    tar -C "$1" -c zeros | bzip2 >"$1/bomb-bzip2"
    rm "$1/zeros"
}

# a_repository FOLDER: FOLDER.git has the files of FOLDER in branch "main", and tag "one"; its first
# commit is printed.
a_repository() {
    (
        cd "$1"
        git init -q -b main .
        git add -A
        git -c user.name=t -c user.email=t@example.com commit -q -m one
        git tag one
        git rev-parse HEAD
    )
    git clone -q --bare "$1" "$1.git"
    git -C "$1.git" update-server-info
}

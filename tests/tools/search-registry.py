#!/usr/bin/env python3
"""search-registry - a registry with a search of the old kind, for tests/cli/search.bats.

    search-registry.py FOLDER

Serves on a free port of 127.0.0.1 until it is killed, and writes the port to FOLDER/port. Its lists
have pages of two names, whatever is asked for; the repository "endless" has no end of tags, and
"stubborn" sends the same page to whoever asks.
"""
import http.server
import json
import os
import sys
import urllib.parse

FOUND = [
    {"name": "library/tool", "description": "A tool\nof many words, more than a column of a table has room for", "star_count": 12, "is_official": True},
    {"name": "x/tool", "description": "", "star_count": 3, "is_automated": True},
    {"name": "y/tool", "star_count": 0, "is_official": False},
]
TAGS = ["a", "b", "c", "d", "e"]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        last = query.get("last", "")
        if url.path == "/v2/":
            self.answer(200, {})
        elif url.path == "/v1/search" and query["q"] == "broken":
            self.answer(200, {"results": [{"name": 5}]})
        elif url.path == "/v1/search":
            self.answer(200, {"results": FOUND if query["q"] in ("tool", "a b&c") else []})
        elif url.path == "/v2/pages/tags/list":
            self.answer(200, {"name": "pages", "tags": [t for t in TAGS if t > last][:2]})
        elif url.path == "/v2/stubborn/tags/list":
            self.answer(200, {"name": "stubborn", "tags": TAGS})
        elif url.path == "/v2/none/tags/list":
            self.answer(200, {"name": "none", "tags": None})
        elif url.path == "/v2/endless/tags/list":
            first = int(last or "0")
            self.answer(200, {"name": "endless", "tags": [str(first + i + 1) for i in range(20000)]})
        else:
            self.answer(404, {"errors": [{"code": "NAME_UNKNOWN", "message": "repository name not known to registry"}]})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(sys.argv[1], "port.tmp"), "w") as f:
    print(server.server_port, file=f)
os.rename(f.name, os.path.join(sys.argv[1], "port"))
server.serve_forever()

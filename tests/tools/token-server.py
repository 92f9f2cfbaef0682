#!/usr/bin/env python3
"""token-server - tokens for a docker-registry, as distribution's "Token Authentication" has them.

    token-server.py FOLDER PORT

FOLDER holds issuer.crt and issuer.key (PEM, RSA); the registry's rootcertbundle is issuer.crt, its
issuer "rctr-tests", its service "tests". tester:secret may do everything, anybody may pull from
public/*. FOLDER/tokens.log gets a line per request: method, "auth" or "-", scopes, what was given.
"""
import base64
import http.server
import json
import subprocess
import sys
import time
import urllib.parse

FOLDER = sys.argv[1]
USER = "Basic " + base64.b64encode(b"tester:secret").decode()
LIFE = 120


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def openssl(*words, data=None):
    return subprocess.run(("openssl",) + words, input=data, capture_output=True, check=True).stdout


CERT = base64.b64encode(openssl("x509", "-in", FOLDER + "/issuer.crt", "-outform", "DER")).decode()


def token(user, access):
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5c": [CERT]}
    claims = {"iss": "rctr-tests", "sub": user, "aud": "tests", "exp": now + LIFE, "nbf": now - 10, "iat": now,
              "jti": str(time.monotonic_ns()), "access": access}
    text = b".".join(b64(json.dumps(part).encode()) for part in (head, claims))
    return (text + b"." + b64(openssl("dgst", "-sha256", "-sign", FOLDER + "/issuer.key", data=text))).decode()


def granted(scope, known):
    """repository:NAME:pull,push as far as it may be."""
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    may = actions.split(",")
    if not known:
        may = [a for a in may if a == "pull" and name.startswith("public/")]
    return {"type": kind, "name": name, "actions": may}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, doc):
        body = json.dumps(doc).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        query = urllib.parse.parse_qs(self.path.partition("?")[2])
        given = self.headers.get("Authorization")
        scopes = [s for text in query.get("scope", []) for s in text.split()]
        access = [granted(s, given == USER) for s in scopes]
        with open(FOLDER + "/tokens.log", "a") as log:
            log.write("GET %s %s %s\n" % ("auth" if given else "-", " ".join(scopes), json.dumps(access)))
        if given not in (None, USER):
            return self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]})
        text = token("tester" if given else "", access)
        return self.answer(200, {"token": text, "access_token": text, "expires_in": LIFE})


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()

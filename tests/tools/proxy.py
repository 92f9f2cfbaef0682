#!/usr/bin/env python3
"""proxy - a web proxy that knows a few names.

    proxy.py FOLDER NAME:PORT=HOST:PORT...

Writes FOLDER/proxy-port. CONNECT and plain requests for the names go to their places, all else is
502. FOLDER/proxy.log gets a line per request: method, where to, Proxy-Authorization or "-". With a
file FOLDER/proxy-password ("user:password") it wants that.
"""
import base64
import os
import select
import socket
import socketserver
import sys

FOLDER = sys.argv[1]
PLACES = dict(word.split("=") for word in sys.argv[2:])


def wanted():
    try:
        with open(FOLDER + "/proxy-password", "rb") as f:
            return "Basic " + base64.b64encode(f.read().strip()).decode()
    except FileNotFoundError:
        return None


def shovel(a, b):
    while True:
        for ready in select.select([a, b], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            (b if ready is a else a).sendall(data)


class Handler(socketserver.StreamRequestHandler):
    def say(self, status):
        self.wfile.write(("HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n%s\r\n" % (
            status, 'Proxy-Authenticate: Basic realm="proxy"\r\n' if status.startswith("407") else "")).encode())

    def handle(self):
        method, target, version = self.rfile.readline().decode().split()
        lines = []
        given = "-"
        while True:
            line = self.rfile.readline()
            name, _, value = line.decode().partition(":")
            if name.lower() == "proxy-authorization":
                given = value.strip()
            elif not name.lower().startswith("proxy-"):
                lines.append(line)
            if line in (b"\r\n", b""):
                break
        with open(FOLDER + "/proxy.log", "a") as log:
            log.write("%s %s %s\n" % (method, target, given))
        if wanted() and given != wanted():
            return self.say("407 Proxy Authentication Required")
        path = ""
        if method != "CONNECT":
            host, _, path = target[len("http://"):].partition("/")
            target = host if ":" in host else host + ":80"
        if target not in PLACES:
            return self.say("502 Bad Gateway")
        host, port = PLACES[target].split(":")
        with socket.create_connection((host, int(port))) as there:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else: # one request, so that the next one comes as a line again
                lines.insert(len(lines) - 1, b"Connection: close\r\n")
                there.sendall(("%s /%s %s\r\n" % (method, path, version)).encode() + b"".join(lines))
            shovel(self.connection, there)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", 0), Handler)
with open(FOLDER + "/proxy-port.new", "w") as out:
    out.write("%d\n" % server.server_address[1])
os.rename(FOLDER + "/proxy-port.new", FOLDER + "/proxy-port")
server.serve_forever()

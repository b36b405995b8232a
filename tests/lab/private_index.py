"""A package index with a password on a machine of the lab, with one package. It knows the password's digest alone."""

from __future__ import annotations

import base64
import hashlib

from tests.lab.project import Seen
from tests.package_index import wheel

PORT = 8099
SERVER = """
import base64, hashlib, http.server
WHEEL, DIGEST = base64.b64decode("{wheel}"), "{digest}"

class Index(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        given = base64.b64decode(self.headers.get("Authorization", "").partition(" ")[2]).decode()
        if hashlib.sha256(given.encode()).hexdigest() != DIGEST:
            self.answer(401, b"", ("WWW-Authenticate", "Basic"))
        elif self.path == "/simple/vaulted/":
            self.answer(200, b'<a href="/vaulted-1-py3-none-any.whl">vaulted-1-py3-none-any.whl</a>')
        else:
            self.answer(200, WHEEL) if self.path.endswith(".whl") else self.answer(404, b"")

    def answer(self, status, body, *headers):
        self.send_response(status)
        for name, value in (("Content-Type", "text/html"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *words):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", {port}), Index).serve_forever()
"""


def url(password: str) -> str:
    """Return the index's address with a user and this password."""
    return f"http://us:{password}@127.0.0.1:{PORT}/simple"


def serve(seen: Seen, password: str) -> str:
    """Start the index on a machine; return the SHA-256 (hexadecimal) of its package `vaulted`, version 1."""
    packed = wheel("vaulted", "1")
    digest = hashlib.sha256(f"us:{password}".encode()).hexdigest()
    script = SERVER.format(wheel=base64.b64encode(packed).decode(), digest=digest, port=PORT)
    place = "/usr/local/lib/private-index.py"
    seen.shell(f"echo {base64.b64encode(script.encode()).decode()} | base64 -d >{place}")
    seen.shell(f"systemd-run --quiet --unit=private-index python3 {place}")
    return hashlib.sha256(packed).hexdigest()

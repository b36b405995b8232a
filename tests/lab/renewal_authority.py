"""An authority that tells when it wants its certificates renewed (ARI, RFC 9773), which the lab's own may not do.

It is the lab's authority under another address: its directory names one resource more, and that is served here.
"""

from __future__ import annotations

import json
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from homeport.lab import Lab, authority
from homeport.lab.network import ACME_PORT
from tests.pace import patience


@dataclass
class Advice:
    """What the authority says: renewal is to begin `due` from now; `asked` is for which certificates it was asked."""

    url: str = ""
    due: timedelta = timedelta(days=30)
    asked: list[str] = field(default_factory=list)

    def window(self) -> dict[str, str]:
        """Return the hour in which the renewal is to be."""
        start = datetime.now(UTC) + self.due
        return {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}


class Authority(ThreadingHTTPServer):
    """Answers with the lab's directory and one address more, and at that with the advice."""

    def __init__(self, gateway: str, directory: dict[str, object]):
        super().__init__((gateway, 0), Handler)
        self.directory, self.advice = directory, Advice(f"https://{gateway}:{self.server_address[1]}/dir")

    def answer(self, path: str) -> dict[str, object]:
        """Return what is at a path: the directory, or when a certificate is to be renewed."""
        where, _, certificate = path.strip("/").partition("/")
        if where == "dir":
            return {**self.directory, "renewalInfo": f"{self.advice.url.removesuffix('/dir')}/when"}
        self.advice.asked.append(certificate)
        return {"suggestedWindow": self.advice.window()}


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for an Authority."""

    server: Authority

    def do_GET(self) -> None:
        """Answer."""
        body = json.dumps(self.server.answer(self.path)).encode()
        self.send_response(200)
        # To be asked again at once; an authority says six hours or so.
        for name, value in (("Content-Type", "application/json"), ("Retry-After", "0")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def an_authority_that_advises(lab: Lab, folder: Path) -> Iterator[Advice]:
    """Serve it on the lab's network, to machines that trust the lab; yield what it says."""
    gateway = lab.context().network.gateway
    trust = ssl.create_default_context(cafile=str(authority.root_certificate()))
    with urllib.request.urlopen(f"https://{gateway}:{ACME_PORT}/dir", context=trust, timeout=patience(10)) as answer:
        server = Authority(gateway, json.load(answer))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue(folder, [f"IP:{gateway}"]))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.advice
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A package index that tests fill: pure wheels of any name and version, and a server that has them (PEP 503)."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def wheel(name: str, version: str) -> bytes:
    """Return a wheel with an empty package; the same bytes each time."""
    folder = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": "",
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{folder}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{folder}/RECORD"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for path, text in files.items():
            packed.writestr(zipfile.ZipInfo(path), text)
    return buffer.getvalue()


class Index(ThreadingHTTPServer):
    """The index; `url` is its address, `asked` how often it was asked."""

    def __init__(self, address: str):
        super().__init__((address, 0), Handler)
        self.url = f"http://{address}:{self.server_address[1]}/simple"
        self.asked = 0
        self._wheels: dict[str, bytes] = {}

    def upload(self, name: str, version: str) -> None:
        """Have a version of a package."""
        self._wheels[f"{name}-{version}-py3-none-any.whl"] = wheel(name, version)

    def answer(self, path: str) -> bytes | None:
        """Return what is at a path; None: nothing."""
        self.asked += 1
        parts = path.strip("/").split("/")
        if parts[0] != "simple":
            return self._wheels.get(parts[-1])
        found = [file for file in self._wheels if file.startswith(f"{parts[-1]}-")]
        return "".join(f'<a href="/files/{file}">{file}</a>' for file in found).encode() or None


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for an Index."""

    server: Index

    def do_GET(self) -> None:
        """Answer."""
        body = self.server.answer(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/html" if "/simple/" in self.path else "application/octet-stream")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body or b"")

    do_HEAD = do_GET  # noqa: N815 - as the standard library calls it

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(address: str = "127.0.0.1") -> Iterator[Index]:
    """Serve an empty index at an address of this machine."""
    server = Index(address)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""The cache's HTTP server: answers from the store, or fetches, passes on and stores."""

from __future__ import annotations

import base64
import os
import shutil
import ssl
import threading
import urllib.error
import urllib.request
from collections import defaultdict
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from homeport.lab.cache.pages import Target, rewrite, target
from homeport.lab.cache.store import KEPT_HEADERS, Entry, Store

TIMEOUT_SECONDS = 60.0
WAIT_SECONDS = 20.0  # for another request that is fetching the same; below the 30 s after which apt gives up
CHUNK = 1 << 16
AWAY = (urllib.error.URLError, OSError, HTTPException)


class CacheServer(ThreadingHTTPServer):
    """The server with what its handlers share: the store, the indexes' URLs, and a lock per URL."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, settings: dict[str, Any]):
        self.store = Store(Path(settings["store"]))
        self.store.forget_unused()
        self.indexes: list[str] = settings["indexes"]
        self.locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        context = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        self.opener = urllib.request.build_opener(context)
        proxy = {"http": settings["apt_proxy"]} if settings["apt_proxy"] else None
        self.apt_opener = urllib.request.build_opener(context, urllib.request.ProxyHandler(proxy))
        super().__init__((settings["address"], settings["port"]), Handler)

    def fetch(self, wanted: Target, headers: dict[str, str]) -> Any:
        """Ask the server outside, the way that the machine's own apt or pip would."""
        parts = urlsplit(wanted.url)
        login, _, host = parts.netloc.rpartition("@")
        if login:
            headers["Authorization"] = "Basic " + base64.b64encode(unquote(login).encode()).decode()
        request = urllib.request.Request(parts._replace(netloc=host).geturl(), headers=headers)  # noqa: S310
        opener = self.apt_opener if wanted.proxied else self.opener
        return opener.open(request, timeout=TIMEOUT_SECONDS)


class Handler(BaseHTTPRequestHandler):
    """One connection; requests on it are answered in turn, as apt's pipelining needs."""

    protocol_version = "HTTP/1.1"
    server: CacheServer

    def do_GET(self) -> None:
        """Answer from the store, or from outside."""
        wanted = target(self.path, self.server.indexes)
        if wanted is None:
            self._refuse(HTTPStatus.NOT_FOUND, "this is the lab's package cache, for apt, pip and uv only")
            return
        accept = self.headers.get("Accept", "*/*") if wanted.page else "*/*"
        key = f"{wanted.url} {accept}"
        if self._send_fresh(wanted, key):
            return
        lock = self.server.locks[key]
        owned = lock.acquire(timeout=WAIT_SECONDS)
        try:
            if not self._send_fresh(wanted, key):
                self._ask(wanted, key, accept, self.server.store.get(key))
        finally:
            if owned:
                lock.release()

    do_HEAD = do_GET  # noqa: N815

    def _send_fresh(self, wanted: Target, key: str) -> bool:
        """Send what is stored if that needs no asking, and tell whether it was so."""
        entry = self.server.store.get(key)
        if entry is None or entry.age_seconds >= wanted.fresh_seconds:
            return False
        self._send(entry)
        return True

    def _ask(self, wanted: Target, key: str, accept: str, entry: Entry | None) -> None:
        """Ask outside, with the stored answer as the one to compare with and to fall back to."""
        headers = {
            "Accept": accept,
            "Accept-Encoding": "identity",
            "User-Agent": self.headers.get("User-Agent", "homeport"),
        }
        if "Authorization" in self.headers:
            headers["Authorization"] = self.headers["Authorization"]
        if entry is not None:
            known = {"If-None-Match": "ETag", "If-Modified-Since": "Last-Modified"}
            headers |= {ask: entry.headers[have] for ask, have in known.items() if have in entry.headers}
        try:
            answer = self.server.fetch(wanted, headers)
        except AWAY as error:
            self._do_without(error, key, entry)
            return
        with closing(answer):
            (self._take_page if wanted.page else self._pass_on)(wanted, key, answer)

    def _do_without(self, error: Exception, key: str, entry: Entry | None) -> None:
        """Answer with what is stored when that has not changed, or the server is away; else pass the error on."""
        status = error.code if isinstance(error, urllib.error.HTTPError) else HTTPStatus.BAD_GATEWAY
        if entry is not None and status == HTTPStatus.NOT_MODIFIED:
            self.server.store.confirm(key)
        if entry is not None and (status == HTTPStatus.NOT_MODIFIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR):
            self._send(entry)
        else:
            self._refuse(status, str(getattr(error, "reason", error)))

    def _take_page(self, wanted: Target, key: str, answer: Any) -> None:
        """Store an index page with its links changed, and send it."""
        number = int(self.path.lstrip("/").split("/")[1])
        body = rewrite(answer.read(), answer.headers.get("Content-Type", ""), answer.url, number)
        with self.server.store.writing(key, wanted.url, answer.headers) as file:
            file.write(body)
        entry = self.server.store.get(key)
        if entry is not None:
            self._send(entry)

    def _pass_on(self, wanted: Target, key: str, answer: Any) -> None:
        """Send a file while it is being stored; one that ends early is not kept, and the client sees it end early."""
        length = answer.headers.get("Content-Length")
        kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        self._start(HTTPStatus.OK, kept, length)
        with self.server.store.writing(key, wanted.url, answer.headers) as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                if self.command != "HEAD":
                    self.wfile.write(chunk)
            if length is not None and file.tell() != int(length):
                raise ConnectionAbortedError

    def _send(self, entry: Entry) -> None:
        """Send a stored answer, or only that it has not changed since the client's own copy."""
        since = self.headers.get("If-Modified-Since")
        if since and since == entry.headers.get("Last-Modified"):
            self._start(HTTPStatus.NOT_MODIFIED, {}, "0")
            return
        headers = {name: value for name, value in entry.headers.items() if name != "Content-Length"}
        with entry.body.open("rb") as file:
            self._start(HTTPStatus.OK, headers, str(os.fstat(file.fileno()).st_size))
            if self.command != "HEAD":
                shutil.copyfileobj(file, self.wfile, CHUNK)
        os.utime(entry.body)

    def _refuse(self, status: int, reason: str) -> None:
        body = f"{reason}\n".encode()
        self._start(status, {"Content-Type": "text/plain; charset=utf-8"}, str(len(body)))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _start(self, status: int, headers: dict[str, str], length: str | None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is None:
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", length)
        self.end_headers()

    def handle(self) -> None:
        """Serve the connection; a client or server that goes away in the middle ends it without a trace."""
        try:
            super().handle()
        except (*AWAY, ValueError) as error:
            self.log_error("%s: %s", getattr(self, "path", "-"), error)
        finally:
            self.close_connection = True


def serve(settings: dict[str, Any]) -> None:
    """Serve until the process is ended."""
    CacheServer(settings).serve_forever()

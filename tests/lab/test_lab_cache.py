"""The package cache, asked over real HTTP, with a real server behind it that comes and goes."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from homeport.lab.cache.pages import rewrite, target
from homeport.lab.cache.server import CacheServer
from tests.pace import patience

PAGE = '<a href="../../files/a-1.whl#sha256=0">a</a><a href="https://else.test/b.tar.gz">b</a><a href="/simple/">up</a>'


class Outside(BaseHTTPRequestHandler):
    """A mirror and index; every request is noted."""

    def do_GET(self) -> None:
        asked.append(self.path)
        bodies = {
            "/simple/a/": PAGE,
            "/files/a-1.whl": "wheel",
            "/pool/b.deb": "deb" * 100_000,
            "/dists/InRelease": "one",
        }
        if self.path not in bodies:
            self.send_error(404)
        elif self.headers.get("If-None-Match") == '"1"':
            self.send_response(304)
            self.end_headers()
        else:
            body = bodies[self.path].encode()
            self.send_response(200)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Type", "text/html")
            length = len(body) + (1 if "short" in self.headers.get("User-Agent", "") else 0)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


asked: list[str] = []


@pytest.fixture
def outside() -> Iterator[ThreadingHTTPServer]:
    asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Outside)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(outside: ThreadingHTTPServer, tmp_path: Path) -> Iterator[CacheServer]:
    index = f"http://127.0.0.1:{outside.server_port}/simple"
    settings = {"address": "127.0.0.1", "port": 0, "store": str(tmp_path), "indexes": [index], "apt_proxy": ""}
    server = CacheServer(settings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def get(cache: CacheServer, path: str, agent: str = "test") -> str:
    """Ask the cache; an absolute URL is asked as a proxy's client does."""
    connection = http.client.HTTPConnection("127.0.0.1", cache.server_port, timeout=patience(10))
    connection.request("GET", path, headers={"User-Agent": agent})
    answer = connection.getresponse()
    body = answer.read().decode()
    if answer.status != 200:
        raise urllib.error.HTTPError(path, answer.status, body, answer.headers, None)
    return body


def stop(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()


def test_a_package_is_fetched_once_and_served_when_the_mirror_is_away(
    cache: CacheServer, outside: ThreadingHTTPServer
) -> None:
    url = f"http://127.0.0.1:{outside.server_port}/pool/b.deb"
    assert get(cache, url) == "deb" * 100_000
    assert get(cache, url) == "deb" * 100_000
    assert asked == ["/pool/b.deb"]
    stop(outside)
    assert get(cache, url) == "deb" * 100_000


def test_apts_proxy_is_for_what_apt_asks_and_not_for_an_index_without_tls(
    outside: ThreadingHTTPServer, tmp_path: Path
) -> None:
    here = f"http://127.0.0.1:{outside.server_port}"
    # Nobody listens at port 1.
    settings = {"store": str(tmp_path), "indexes": [f"{here}/simple"], "apt_proxy": "http://127.0.0.1:1"}
    cache = CacheServer({"address": "127.0.0.1", "port": 0, **settings})
    threading.Thread(target=cache.serve_forever, daemon=True).start()
    assert get(cache, f"/file/http/0/127.0.0.1%3A{outside.server_port}/files/a-1.whl") == "wheel"
    with pytest.raises(urllib.error.HTTPError, match="502"):
        get(cache, f"{here}/pool/b.deb")
    stop(cache)


def test_two_hosts_at_once_cause_one_download(cache: CacheServer, outside: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{outside.server_port}/pool/b.deb"
    with ThreadPoolExecutor(8) as pool:
        bodies = set(pool.map(lambda _: get(cache, url), range(8)))
    assert bodies == {"deb" * 100_000}
    assert len(asked) == 1


def test_a_package_index_is_asked_for_each_time_and_kept_for_an_outage(
    cache: CacheServer, outside: ThreadingHTTPServer
) -> None:
    url = f"http://127.0.0.1:{outside.server_port}/dists/InRelease"
    assert [get(cache, url), get(cache, url)] == ["one", "one"]
    assert len(asked) == 2
    stop(outside)
    assert get(cache, url) == "one"


def test_an_index_page_leads_back_to_the_cache_for_its_files(cache: CacheServer, outside: ThreadingHTTPServer) -> None:
    page = get(cache, "/index/0/a/")
    path = f"/file/http/0/127.0.0.1%3A{outside.server_port}/files/a-1.whl"
    assert f'href="{path}#sha256=0"' in page
    assert 'href="/file/https/0/else.test/b.tar.gz"' in page
    assert get(cache, path) == "wheel"
    stop(outside)
    assert (get(cache, "/index/0/a/"), get(cache, path)) == (page, "wheel")


def test_a_file_that_ends_early_is_not_kept(cache: CacheServer, outside: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{outside.server_port}/pool/b.deb"
    with pytest.raises(http.client.IncompleteRead):
        get(cache, url, agent="short")
    assert get(cache, url) == "deb" * 100_000


@pytest.mark.parametrize(("path", "status"), [("/elsewhere", 404), ("/index/1/a/", 404), ("/index/0/nothing/", 404)])
def test_a_missing_package_is_a_404(cache: CacheServer, path: str, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        get(cache, path)
    assert error.value.code == status


def test_a_mirror_that_is_away_from_the_start_is_a_bad_gateway(
    cache: CacheServer, outside: ThreadingHTTPServer
) -> None:
    stop(outside)
    with pytest.raises(urllib.error.HTTPError) as error:
        get(cache, f"http://127.0.0.1:{outside.server_port}/pool/b.deb")
    assert error.value.code == 502


def test_a_json_page_leads_back_too() -> None:
    page = json.dumps({"files": [{"url": "../files/a-1.whl", "hashes": {}}]}).encode()
    found = json.loads(rewrite(page, "application/vnd.pypi.simple.v1+json", "https://i.test/simple/a/", 2))
    assert found["files"][0]["url"] == "/file/https/2/i.test/simple/files/a-1.whl"


def test_the_indexes_password_stays_on_the_machine_and_goes_to_the_index_alone() -> None:
    index = ["https://user:secret@i.test/simple"]
    page = rewrite(b'<a href="https://i.test/f/a.whl">a</a>', "text/html", "https://i.test/simple/a/", 0)
    assert b"secret" not in page
    own, other = target("/file/https/0/i.test/f/a.whl", index), target("/file/https/0/else.test/f/a.whl", index)
    assert own is not None
    assert own.url == "https://user:secret@i.test/f/a.whl"
    assert other is not None
    assert other.url == "https://else.test/f/a.whl"

"""Interprets a request to the cache: the URL outside, whether its content may change, and how an index page is
rewritten to point back here. Pure.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

UNCHANGING = re.compile(r"(\.u?deb|\.whl|\.whl\.metadata|\.tar\.gz|\.zip|/by-hash/.*)$")
PAGE_SECONDS = 600.0  # what the public index itself allows: Cache-Control: max-age=600
HREF = re.compile(rb"""(\bhref=)(["'])(.*?)\2""", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """A URL outside. `fresh_seconds` is how long a stored answer is used without asking.

    `page` means an index page, and `proxied` that the cache was asked as a proxy, as apt asks it.
    """

    url: str
    fresh_seconds: float = 0.0
    page: bool = False
    proxied: bool = False


def target(path: str, indexes: list[str]) -> Target | None:
    """Return what a request's path stands for: a proxy's absolute URL, `/index/N/NAME/`, or `/file/SCHEME/N/HOST/…`."""
    if path.startswith("http://"):
        return Target(path, float("inf") if UNCHANGING.search(urlsplit(path).path) else 0.0, proxied=True)
    parts = path.lstrip("/").split("/")
    if parts[0] == "index" and len(parts) > 2 and parts[1].isdigit() and int(parts[1]) < len(indexes):
        return Target(f"{indexes[int(parts[1])]}/{'/'.join(parts[2:])}", PAGE_SECONDS, page=True)
    if parts[0] == "file" and len(parts) > 4 and parts[1] in ("http", "https"):
        index = indexes[int(parts[2])] if parts[2].isdigit() and int(parts[2]) < len(indexes) else ""
        url = f"{parts[1]}://{with_login(unquote(parts[3]), index)}/{'/'.join(parts[4:])}"
        return Target(url, float("inf") if UNCHANGING.search(urlsplit(url).path) else 0.0)
    return None


def with_login(host: str, index: str) -> str:
    """Return `host` with the user and password that the index's URL carries, when the index is on the same host."""
    parts = urlsplit(index)
    login, _, own = parts.netloc.rpartition("@")
    return f"{login}@{host}" if login and own == host else host


def rewrite(body: bytes, content_type: str, page_url: str, number: int) -> bytes:
    """Return an index page (HTML or JSON, PEP 503 and 691) with its files' URLs leading to this cache."""
    if "json" in content_type:
        page = json.loads(body)
        for file in page.get("files", []):
            file["url"] = _local(urljoin(page_url, file["url"]), number)
        return json.dumps(page).encode()

    def changed(match: re.Match[bytes]) -> bytes:
        link = html.unescape(match[3].decode())
        return match[1] + b'"' + html.escape(_local(urljoin(page_url, link), number)).encode() + b'"'

    return HREF.sub(changed, body)


def _local(url: str, number: int) -> str:
    """Return the path here for a file's URL; a link to another page of an index, or to anything but HTTP, stays as it
    is.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.path.endswith("/"):
        return url
    host = quote(parts.netloc.rpartition("@")[2], safe="")
    return urlunsplit(("", "", f"/file/{parts.scheme}/{number}/{host}{parts.path}", parts.query, parts.fragment))

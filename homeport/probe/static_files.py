"""What the proxy serves of the live release by itself: whether it is there, and which routes a file of it hides."""

from __future__ import annotations

import grp
import http.client
import json
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..host.release import slots
from ..host.release.static_files import HASHED, PLAIN, PROXY_GROUP
from ..host.services import health
from ..host.services.release_description import Release
from ..host.system.layout import Layout
from .observations import StaticObservation

SCHEMA = "/openapi.json"
# More than any application's document, which nobody on the machine may make the probe's memory of.
MOST_BYTES = 8 * 2**20


def read(layout: Layout, slot: str, release: Release | None) -> StaticObservation | None:
    """Return what is seen of the live slot's files; None when the proxy serves none of the release."""
    if release is None or not release.has_files:
        return None
    link, port = layout.static_link(slot), slots.port(layout, slot)
    missing = not link.is_dir() or link.resolve().name != release.id
    hidden = [] if missing or port is None else _hidden(layout, slot, _routes(layout, port))
    closed = "" if missing else next((str(one) for one in _on_the_way(layout, link) if not _is_open(one)), "")
    return {"missing": str(link) if missing else "", "closed": closed, "hidden": hidden}


def _on_the_way(layout: Layout, link: Path) -> Iterator[Path]:
    """Yield the folders that the proxy's user goes through to the live release's files and to those of older pages."""
    yield from (one for one in reversed(layout.static.parents) if layout.root in one.parents)
    yield from (layout.static, link.parent, layout.static_releases)
    for top in (link.resolve(), layout.static_bridge):
        yield from (one for one in (top, top / PLAIN, top / HASHED) if one.is_dir())


def _is_open(folder: Path) -> bool:
    """Tell whether the proxy's group may enter a folder, by its mode."""
    found = folder.stat()
    groups = [one.gr_gid for one in grp.getgrall() if one.gr_name == PROXY_GROUP]
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid in groups else stat.S_IXOTH))


def _routes(layout: Layout, port: int) -> list[str]:
    """Return the paths that answer to GET by the application's own document; none where it has none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=health.ANSWER_SECONDS)
    headers = {"Host": health.site_name(layout), **health.FORWARDED, "User-Agent": "homeport"}
    try:
        connection.request("GET", SCHEMA, headers=headers)
        paths = json.loads(connection.getresponse().read(MOST_BYTES))["paths"]
        return sorted(path for path, methods in paths.items() if "get" in methods and "{" not in path)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return []
    finally:
        connection.close()


def _hidden(layout: Layout, slot: str, routes: Iterable[str]) -> list[str]:
    found = []
    for route in routes:
        name = route.lstrip("/") + ("index.html" if route.endswith("/") else "")
        if ".." not in name.split("/") and any(
            (layout.static_link(slot) / one / name).is_file() for one in (PLAIN, HASHED)
        ):
            found.append(route)
    return found

"""What the proxy serves of the live release by itself: whether it is there, and which routes a file of it hides."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable

from ..host.release import slots
from ..host.release.static_files import HASHED, PLAIN
from ..host.services import health
from ..host.services.release_description import Release
from ..host.system.layout import Layout
from .observations import StaticObservation

SCHEMA = "/openapi.json"
# More than any application's document, which nobody on the machine may make the probe's memory of.
MOST_BYTES = 8 * 2**20


def read(layout: Layout, slot: str, release: Release | None) -> StaticObservation | None:
    """Return what is seen of the live slot's files; None when the proxy serves none of the release."""
    if release is None or not release.static:
        return None
    link, port = layout.static_link(slot), slots.port(layout, slot)
    missing = not link.is_dir() or link.resolve().name != release.id
    hidden = [] if missing or port is None else _hidden(layout, slot, _routes(layout, port))
    return {"missing": str(link) if missing else "", "hidden": hidden}


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

"""Maintenance: a file that the proxy looks for at every request; while it is there, visitors get a page (status 503).

It outlives boots and deploys, and only a person makes it and takes it away.
"""

from __future__ import annotations

import json

from ..system import atomic
from ..system.layout import Layout
from ..system.lock import now
from ..system.output import HostError
from .model import mounts
from .site import place


def turn_on(layout: Layout, by: str, message: str) -> None:
    """Have visitors get the page from their next request on; raise HostError when the live site knows none."""
    site = place(layout)
    if mount := mounts.read(layout):
        raise HostError(
            f"{layout.app} is mounted on {mount.owner}, whose maintenance closes the whole name: close {mount.owner}"
        )
    if not site.exists() or str(layout.maintenance) not in site.read_text(errors="replace"):
        raise HostError("the site that is live has no maintenance page; deploy once with this homeport")
    note = {"by": by, "since": now(), "message": " ".join(message.split())}
    atomic.write(layout.maintenance, json.dumps(note).encode() + b"\n")


def turn_off(layout: Layout) -> dict[str, str] | None:
    """Let visitors in again; return what the file said, or None when there was none."""
    note = read(layout)
    atomic.remove(layout.maintenance)
    return note


def read(layout: Layout) -> dict[str, str] | None:
    """Return who keeps visitors out, since when and why; None when nobody does. A damaged file keeps them out too."""
    try:
        raw = json.loads(layout.maintenance.read_text(errors="replace"))
    except FileNotFoundError:
        return None
    except ValueError:
        raw = {}
    return {key: str(value) for key, value in raw.items()} if isinstance(raw, dict) else {}

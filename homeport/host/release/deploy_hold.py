"""Deploys held by hand: a file that says who does not want any, and why. It outlives a boot, and no run removes it.

While it is there nothing is started or made live here, a rollback neither: whoever holds may be in the middle of
something that the older release would not survive. To let go is one command.
"""

from __future__ import annotations

import json

from ..system import atomic
from ..system.layout import Layout
from ..system.lock import now
from ..system.output import LockedError


def hold(layout: Layout, by: str, message: str) -> None:
    """Hold deploys; raise LockedError when somebody else does already. Doing it again changes the message."""
    holder = read(layout)
    if holder and holder.get("by") != by:
        raise LockedError(describe(holder))
    layout.settings.mkdir(parents=True, exist_ok=True)
    note = {"by": by, "since": now(), "message": " ".join(message.split())}
    atomic.write(layout.hold, json.dumps(note).encode() + b"\n")


def unhold(layout: Layout) -> dict[str, str] | None:
    """Let deploys go on, whoever held them; return what the file said, or None when nobody did."""
    holder = read(layout)
    atomic.remove(layout.hold)
    return holder


def read(layout: Layout) -> dict[str, str] | None:
    """Return who holds deploys; None when nobody does. A damaged file holds too."""
    try:
        raw = json.loads(layout.hold.read_text(errors="replace"))
    except FileNotFoundError:
        return None
    except ValueError:
        raw = {}
    return {key: str(value) for key, value in raw.items()} if isinstance(raw, dict) else {}


def refuse(layout: Layout) -> None:
    """Raise LockedError while deploys are held."""
    holder = read(layout)
    if holder is not None:
        raise LockedError(f"{describe(holder)}; when that is over: homeport unlock")


def describe(holder: dict[str, str]) -> str:
    """Return in words who holds deploys, since when and why."""
    since, message = holder.get("since"), holder.get("message")
    who = holder.get("by") or "somebody"
    return f"held by hand by {who}{f' since {since}' if since else ''}{f': {message}' if message else ''}"

"""Lines of HAProxy's log, as templates/haproxy/haproxy.cfg has them: requests, and what went wrong with them. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from ..model import log_lines
from ..model.log_lines import Parser

TOO_LARGE = 413
# How a session ended (HAProxy's configuration manual, 8.5, "Session state at disconnection"), as far as it ended badly.
STATES = {
    "sH": ("time", "no answer within the time"),
    "sD": ("time", "no more of the answer within the time"),
    "SH": ("cut", "the application ended the connection before it answered"),
    "SD": ("cut", "the application ended the connection in its answer"),
    "PH": ("headers", "the answer's headers are too large, or no headers"),
}
NOT_REACHED = ("SC", "sC")


def parse(text: str) -> dict[str, Any] | None:
    """Return what a line says of a request; None when it is about none."""
    try:
        raw = json.loads(text)
        seconds = datetime.fromisoformat(raw["at"]).timestamp()
        status, milliseconds = int(raw["status"]), int(raw["milliseconds"])
        request = {key: raw[key] for key in ("method", "uri", "bytes", "client", "id")}
        more = {key: str(raw[key]) for key in ("host", "state", "server", "length")}
        # "-" where no slot was asked.
        port = int(raw["port"]) if raw["port"].isdigit() else 0
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    duration = max(milliseconds, 0) / 1000
    return {**request, **more, "at": seconds, "status": status, "seconds": duration, "port": port}


def access(names: Collection[str]) -> Parser:
    """Return what reads a line of the log that is about these names."""
    return log_lines.access(parse, names)


def troubles(names: Collection[str], port: int | None) -> Parser:
    """Return what reads of a line whether it ended badly: `kind` and `text`; of the slots only the one at `port`."""
    return log_lines.troubles(parse, names, lambda found: _trouble(found, port))


def _trouble(found: dict[str, Any], port: int | None) -> tuple[str, str]:
    if found["status"] == TOO_LARGE and found["state"].startswith("LR"):
        return "body", f"client intended to send too large body: {found['length']} bytes"
    kind, words = STATES.get(found["state"], ("", ""))
    return (kind if found["port"] == port else "", words)


def unreached(text: str) -> dict[str, Any] | None:
    """Return of a line that a slot could not be reached."""
    found = parse(text)
    if found is None or found["state"] not in NOT_REACHED:
        return None
    return {"seconds": found["at"], "text": f"[error] haproxy: cannot connect to 127.0.0.1:{found['port']}"}

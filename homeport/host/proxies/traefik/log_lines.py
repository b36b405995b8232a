"""Lines of Traefik's log, as templates/traefik/traefik.yaml has them: requests, and what went wrong with them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from ..model import log_lines
from ..model.log_lines import Parser

NANOSECONDS = 1e9
# What the plugin has noted of a request (templates/traefik/front.go, `fail`), for the doctor.
STATES = {
    "time": "no answer, or no more of it, within the time",
    "cut": "the application ended the connection before it answered",
    "headers": "the answer's headers are too large, or no headers",
    "body": "client intended to send too large body",
}


def parse(text: str) -> dict[str, Any] | None:
    """Return what a line says of a request; None when it is about none."""
    try:
        raw = json.loads(text)
        return {
            "at": datetime.fromisoformat(raw["StartUTC"][:19] + "+00:00").timestamp(),
            "host": str(raw["RequestHost"]).lower(),
            "method": str(raw["RequestMethod"]),
            "uri": str(raw["RequestPath"]),
            "status": int(raw["DownstreamStatus"]),
            "seconds": int(raw["Duration"]) / NANOSECONDS,
            "bytes": int(raw["DownstreamContentSize"]),
            "client": str(raw.get("request_X-Real-Ip") or raw["ClientHost"]),
            "id": str(raw.get("request_X-Request-Id", "")),
            "length": str(raw.get("request_Content-Length", "-")),
            "state": str(raw.get("request_X-Homeport-State", "")),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def access(names: Collection[str]) -> Parser:
    """Return what reads a line of the log that is about these names."""
    return log_lines.access(parse, names)


def troubles(names: Collection[str]) -> Parser:
    """Return what reads of a line whether it ended badly: `kind` and `text`."""
    return log_lines.troubles(parse, names, _trouble)


def _trouble(found: dict[str, Any]) -> tuple[str, str]:
    kind = found["state"] if found["state"] in STATES else ""
    return kind, STATES.get(kind, "") + (f": {found['length']} bytes" if kind == "body" else "")


def unreached(text: str) -> dict[str, Any] | None:
    """Return of a line that a slot could not be reached."""
    found = parse(text)
    slot = re.match(r"unreached (\S+:\d+):", found["state"]) if found else None
    if found is None or slot is None:
        return None
    return {"seconds": found["at"], "text": f"[error] traefik: cannot connect to {slot[1]}"}

"""Lines of Caddy's log, as templates/caddy has it: requests, and what went wrong with them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from ..model import log_lines
from ..model.log_lines import Parser

TOO_LARGE = 413
# What Go says of a request to the application (net/http, net), as far as it ended badly.
KINDS = {
    "time": (re.compile(r"timeout awaiting response headers"), "no answer within the time"),
    "headers": (re.compile(r"response headers exceeded"), "the answer's headers are too large"),
    "cut": (
        re.compile(r"^EOF$|^unexpected EOF$|connection reset by peer|broken pipe|server closed idle connection"),
        "the application ended the connection before it answered",
    ),
}
NOT_REACHED = re.compile(r"^dial tcp 127\.0\.0\.1:(\d+): ")


def parse(text: str) -> dict[str, Any] | None:
    """Return what a line says of a request; None when it is about none."""
    try:
        raw = json.loads(text)
        if not str(raw["logger"]).startswith("http.log.access"):
            return None
        asked = raw["request"]
        # templates/caddy/site.caddy; all of it is empty on port 80.
        id, port, length, problem = f"{raw['user_id']}   ".split(" ", 3)
        return {
            "at": float(raw["ts"]),
            "method": str(asked["method"]),
            "uri": str(asked["uri"]),
            "client": str(asked["remote_ip"]),
            "host": str(asked["host"]).partition(":")[0].lower(),
            "bytes": int(raw["size"]),
            "status": int(raw["status"]),
            "seconds": float(raw["duration"]),
            "id": id,
            "port": int(port) if port.isdigit() else 0,
            "length": length,
            "problem": problem.strip(),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def access(names: Collection[str]) -> Parser:
    """Return what reads a line of the log that is about these names."""
    return log_lines.access(parse, names)


def troubles(names: Collection[str], port: int | None) -> Parser:
    """Return what reads of a line whether it ended badly: `kind` and `text`; of the slots only the one at `port`."""
    return log_lines.troubles(parse, names, lambda found: _trouble(found, port))


def _trouble(found: dict[str, Any], port: int | None) -> tuple[str, str]:
    # An answer of the application's with this status has nothing that went wrong.
    if found["status"] == TOO_LARGE and found["problem"]:
        # Of a body in chunks nobody knows how large it is.
        size = f": {found['length']} bytes" if found["length"] else ""
        return "body", f"client intended to send too large body{size}"
    if found["port"] == port:
        for kind, (pattern, words) in KINDS.items():
            if pattern.search(found["problem"]):
                return kind, words
    return "", ""


def unreached(text: str) -> dict[str, Any] | None:
    """Return of a line that a slot could not be reached."""
    found = parse(text)
    at = NOT_REACHED.match(found["problem"]) if found else None
    if not found or not at:
        return None
    return {"seconds": found["at"], "text": f"[error] caddy: cannot connect to 127.0.0.1:{at[1]}"}

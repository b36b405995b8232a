"""Lines of Nginx's logs that are about an application's names: requests, and what went wrong. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from ..model.log_lines import FAILED, REFUSED, Parser

FOLDER = Path("/var/log/nginx")
ERROR_LINE = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] (\d+)#\d+: (.*)")
ERROR_LEVELS = {"emerg": "error", "alert": "error", "crit": "error", "error": "error", "warn": "warning"}


def access(names: Collection[str]) -> Parser:
    """Return what reads a line of the access log, as templates/nginx/nginx.conf has it, that is about these names."""

    def parse(text: str) -> dict[str, Any] | None:
        try:
            raw = json.loads(text)
            if raw["host"] not in names:
                return None
            request = {key: raw[key] for key in ("method", "uri", "status", "seconds", "bytes", "client", "id")}
            seconds, status = datetime.fromisoformat(raw["at"]).timestamp(), int(raw["status"])
        except (ValueError, KeyError, TypeError):
            return None
        line = f"{raw['method']} {raw['uri']} {status} in {float(raw['seconds']) * 1000:.0f} ms for {raw['client']}"
        level = "error" if status >= FAILED else "warning" if status >= REFUSED else "info"
        return {"source": "proxy", "seconds": seconds, "level": level, "text": line, "request": request}

    return parse


def error(names: Collection[str]) -> Parser:
    """Return what reads a line of the error log that is about these names, or about no name at all."""

    def parse(text: str) -> dict[str, Any] | None:
        found = ERROR_LINE.match(text)
        server = re.search(r", server: ([^,]+)", text)
        if not found or (server and server[1] not in names):
            return None
        moment, level, pid, line = found.groups()
        seconds = datetime.strptime(moment, "%Y/%m/%d %H:%M:%S").timestamp()  # in the host's own zone
        return {
            "source": "proxy",
            "seconds": seconds,
            "level": ERROR_LEVELS.get(level, "info"),
            "pid": int(pid),
            "text": line,
        }

    return parse

"""The path that a health check of a foreign file asks. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from urllib.parse import urlsplit

from homeport.scaffold.foreign.model import Place, Reading

_URL = re.compile(r"https?://[^\s\"'|;&)]+|(?<![\w/.:-])(?:localhost|127\.0\.0\.1)(?::\d+)?(?:/[^\s\"'|;&)]*)?")


def read_health_command(command: str | Sequence[str], place: Place, reading: Reading) -> None:
    """Take the path of the address that a health check asks; say so where there is none."""
    text = command if isinstance(command, str) else shlex.join(command)
    found = _URL.search(text)
    if not found:
        reading.note(place, "the health check asks no address; health_path is the path that says it")
        return
    url = found.group()
    path = urlsplit(url if "://" in url else f"http://{url}").path
    take_health_path(path or "/", place, reading)


def take_health_path(path: str, place: Place, reading: Reading) -> None:
    """Take a health path, unless there are variables in it."""
    if "$" in path or not path.startswith("/"):
        reading.note(place, "the path of the health check has variables in it")
    else:
        reading.propose("health_path", path, place)

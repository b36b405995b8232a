"""Sites of others in Nginx that have a name of ours: Nginx serves the one that it reads first. Reads only."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from ...system.layout import MachineLayout

# What Nginx reads before our sites (templates/nginx/nginx.conf).
PLACES = ("conf.d/*.conf", "sites-enabled/*")
PORTS = (80, 443)
TOKEN = re.compile(r"[^;{}]*[;{}]")


def find(machine: MachineLayout, names: Collection[str]) -> list[tuple[str, int, Path]]:
    """Return name, port (80 or 443) and file of each site of somebody else that has one of our names there."""
    paths = [path for place in PLACES for path in sorted(machine.nginx.glob(place))]
    found = {(name, port, path) for path in paths for name, port in _served(path) if name in names and port in PORTS}
    return sorted(found)


def named(machine: MachineLayout, names: Collection[str]) -> str:
    """Return the files of `find` that have one of the names on port 443, for an error; "" when there are none."""
    return ", ".join(sorted({str(path) for _, port, path in find(machine, names) if port == 443}))


def _served(path: Path) -> Iterator[tuple[str, int]]:
    try:
        text = re.sub(r"#.*", "", path.read_text(errors="replace"))
    except OSError:
        return
    depth, inside = 0, 0
    names: list[str] = []
    ports: list[int] = []
    for token in TOKEN.findall(text):
        words = token[:-1].split()
        if token[-1] == "{":
            depth += 1
            if words == ["server"]:
                inside, names, ports = depth, [], []
        elif token[-1] == "}":
            if depth == inside:
                yield from ((name, port) for name in names for port in ports or [80])
                inside = 0
            depth -= 1
        elif inside and words[:1] == ["server_name"]:
            names += [word.lower() for word in words[1:]]
        elif inside and words[:1] == ["listen"]:
            ports.append(_port(words[1:]))


def _port(words: list[str]) -> int:
    """Return the TCP port of a `listen`; 0 for a socket's path, and 80 where there is none."""
    place = words[0] if words else ""
    if place.startswith("unix:"):
        return 0
    if place.isdigit():
        return int(place)
    port = place.rpartition(":")[2] if not place.endswith("]") else ""
    return int(port) if ":" in place and port.isdigit() else 80

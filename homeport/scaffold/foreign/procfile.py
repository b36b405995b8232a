"""What a Procfile says: `web`, `release`, and what runs beside them. Pure."""

from __future__ import annotations

import posixpath
import re

from homeport.scaffold.foreign.commands import Commands
from homeport.scaffold.foreign.model import Files, Place, Reading

_LINE = re.compile(r"([A-Za-z0-9_-]+)\s*:\s*(.+)")


def read_procfile(path: str, files: Files) -> Reading:
    """Return what the Procfile at `path` says."""
    reading = Reading()
    for number, line in enumerate(files.text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match, place = _LINE.fullmatch(line.strip()), Place(path, number)
        if match is None:
            reading.note(place, "the line is not understood")
            continue
        name, command = match[1].lower(), match[2]
        inner = Reading()
        Commands(files, inner, {}).read(command, place)
        if name == "web":
            inner.without_server()
        if name in ("web", "release"):
            reading.add(inner)
        elif inner.starts:
            start = inner.starts[0]
            if reading.starts:
                reading.note(
                    place, f"{match[1]} is another server ({start.target or start.server}): an application of its own"
                )
            else:
                reading.add(inner)
        elif inner.before:
            key = re.sub(r"[^a-z0-9-]+", "-", name).strip("-0123456789") or "process"
            reading.processes.setdefault(key, inner.before[-1])
            reading.notes += inner.notes
    _runtime(posixpath.join(posixpath.dirname(path), "runtime.txt"), files, reading)
    return reading


def _runtime(path: str, files: Files, reading: Reading) -> None:
    """Take the Python that a platform of Procfiles was told (Heroku: `python-3.12.4`)."""
    if path in files.paths and (found := re.match(r"\s*python-(3\.\d+)(\.\d+)?\s*$", files.text(path))):
        reading.propose("python_version", found[1], Place(path, 1))

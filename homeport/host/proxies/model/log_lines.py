"""How a log of a proxy is read: from its end, and from where one has been before, also over rotations. Reads only."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Protocol

from ...system.layout import Layout
from ...system.site_names import SiteNames

# logrotate keeps fourteen (templates/upkeep/logrotate).
ROTATIONS = 15
BLOCK = 64 * 1024
FAILED, REFUSED = 500, 400
Parser = Callable[[str], dict[str, Any] | None]


def site_names(layout: Layout) -> SiteNames:
    """Return the names that the application is served under; none while that is not known."""
    own = _claimed(layout.site)
    return SiteNames(own, frozenset().union(*map(_claimed, layout.machine.sites.glob("*/site.json"))) - own)


def _claimed(claim: Path) -> frozenset[str]:
    try:
        return frozenset(str(name) for name in json.loads(claim.read_text())["domains"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def access(parse: Parser, names: Collection[str]) -> Parser:
    """Return what reads a line that is about these names, of what `parse` makes of the line of a request."""

    def read(text: str) -> dict[str, Any] | None:
        found = parse(text)
        if found is None or found["host"] not in names:
            return None
        keys = ("method", "uri", "status", "seconds", "bytes", "client", "id")
        status, request = found["status"], {key: found[key] for key in keys}
        line = f"{found['method']} {found['uri']} {status} in {found['seconds'] * 1000:.0f} ms for {found['client']}"
        level = "error" if status >= FAILED else "info" if 0 < status < REFUSED else "warning"
        return {"source": "proxy", "seconds": found["at"], "level": level, "text": line, "request": request}

    return read


def troubles(parse: Parser, names: Collection[str], judge: Callable[[dict[str, Any]], tuple[str, str]]) -> Parser:
    """Return what reads of a line about these names whether it ended badly: `kind` and `text`, by what `judge` says."""

    def read(text: str) -> dict[str, Any] | None:
        found = parse(text)
        if found is None or found["host"] not in names:
            return None
        kind, words = judge(found)
        path = str(found["uri"]).partition("?")[0]
        return {"seconds": found["at"], "kind": kind, "text": f"{found['method']} {path}: {words}"}

    return read


class Reader(Protocol):
    """What reads a log: backwards from a position, and from there on. Positions are JSON."""

    def position(self, now: float) -> list[Any]:
        """Return where the log ends now."""

    def backwards(self, position: list[Any], since: float | None) -> Iterator[dict[str, Any]]:
        """Yield the lines up to a position, the newest first."""

    def after(self, position: list[Any]) -> tuple[list[dict[str, Any]], list[Any]]:
        """Return the lines after a position, and the position after them."""


class File:
    """Reads a log of the proxy, and those that it was rotated into."""

    def __init__(self, name: str, parse: Parser, folder: Path):
        self._path, self._parse = folder / name, parse

    def position(self, now: float) -> list[int]:
        """Return where the log ends now: which file it is (its inode), and how long."""
        try:
            found = self._path.stat()
        except OSError:
            return [0, 0]
        return [found.st_ino, found.st_size]

    def backwards(self, position: list[int], since: float | None) -> Iterator[dict[str, Any]]:
        """Yield the lines up to a position, the newest first; a file that ended before `since` is not opened."""
        names = [f"{self._path.name}{end}" for n in range(1, ROTATIONS) for end in (f".{n}", f".{n}.gz")]
        for path in (self._path, *(self._path.with_name(name) for name in names)):
            if path.exists() and (since is None or path.stat().st_mtime >= since):
                yield from self._parsed(_reversed(path, position[1] if path == self._path else None))

    def after(self, position: list[int]) -> tuple[list[dict[str, Any]], list[int]]:
        """Return the lines after a position, and the position after them; rotation in between loses none."""
        inode, offset = position
        texts: list[str] = []
        end = self.position(0)
        if inode and end[0] != inode:
            before = self._path.with_name(f"{self._path.name}.1")
            if before.exists() and before.stat().st_ino == inode:
                texts, _ = _from(before, offset)
            offset = 0
        more, offset = _from(self._path, offset) if end[0] else ([], 0)
        return list(self._parsed(iter(texts + more))), [end[0], offset]

    def _parsed(self, texts: Iterator[str]) -> Iterator[dict[str, Any]]:
        return (line for text in texts if (line := self._parse(text)) is not None)


class Below:
    """Reads what a log of the proxy has of requests below a path, which a mounted application answers."""

    def __init__(self, log: Reader, path: str):
        self._log, self._below = log, re.compile(rf"\b[A-Z]+ {re.escape(path)}[/? ]")

    def position(self, now: float) -> list[Any]:
        """Return where the log ends now."""
        return self._log.position(now)

    def backwards(self, position: list[Any], since: float | None) -> Iterator[dict[str, Any]]:
        """Yield the lines up to a position, the newest first."""
        return filter(self._is_below, self._log.backwards(position, since))

    def after(self, position: list[Any]) -> tuple[list[dict[str, Any]], list[Any]]:
        """Return the lines after a position, and the position after them."""
        lines, end = self._log.after(position)
        return list(filter(self._is_below, lines)), end

    def _is_below(self, line: dict[str, Any]) -> bool:
        return bool(self._below.search(line["text"]))


def _from(path: Path, offset: int) -> tuple[list[str], int]:
    """Return the whole lines from an offset on, and where they end; a line that is being written is left for later."""
    with path.open("rb") as stream:
        stream.seek(offset)
        data = stream.read()
    whole = data[: data.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace").splitlines(), offset + len(whole)


def _reversed(path: Path, end: int | None = None) -> Iterator[str]:
    """Yield a file's lines up to `end`, the last one first, without reading more of it than is asked for."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", errors="replace") as packed:
            yield from reversed(packed.read().splitlines())
        return
    with path.open("rb") as stream:
        place, rest = stream.seek(0, os.SEEK_END) if end is None else end, b""
        while place > 0:
            size = min(BLOCK, place)
            place -= size
            stream.seek(place)
            first, *lines = (stream.read(size) + rest).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in reversed(lines) if line)
            rest = first
        if rest:
            yield rest.decode("utf-8", "replace")

"""Where downloads are kept: a file per URL with its headers beside it, written by rename, shared by all labs of a
user.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

KEPT_HEADERS = ("Content-Type", "ETag", "Last-Modified", "Content-Encoding")
KEPT_UNUSED_SECONDS = 90 * 86400


@dataclass(frozen=True)
class Entry:
    """A stored answer: its body's file, the headers worth keeping, and when the server was last asked (seconds since
    1970).
    """

    body: Path
    headers: dict[str, str]
    asked: float

    @property
    def age_seconds(self) -> float:
        """Return how long ago the server was last asked whether this is still what it has."""
        return time.time() - self.asked


class Store:
    """Stored answers by key (the URL and what it was asked for)."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> Entry | None:
        """Return what is stored under a key."""
        body = self._file(key)
        with suppress(OSError, ValueError):
            notes = body.with_suffix(".json")
            headers = json.loads(notes.read_text())["headers"]
            if body.stat().st_size == int(headers["Content-Length"]):
                return Entry(body, headers, notes.stat().st_mtime)
        return None

    def confirm(self, key: str) -> None:
        """Note that the server was asked just now, and has nothing newer."""
        self._file(key).with_suffix(".json").touch()

    def forget_unused(self) -> None:
        """Remove what no request has asked for in a long time."""
        for body in self.folder.glob("*/*.body"):
            with suppress(OSError):
                if time.time() - body.stat().st_mtime > KEPT_UNUSED_SECONDS:
                    body.with_suffix(".json").unlink(missing_ok=True)
                    body.unlink()

    @contextmanager
    def writing(self, key: str, url: str, headers: Mapping[str, str]) -> Iterator[IO[bytes]]:
        """Give a file for the body; when the block ends well, body and headers take the place of what was stored."""
        body = self._file(key)
        body.parent.mkdir(exist_ok=True)
        number, name = tempfile.mkstemp(dir=body.parent, prefix="new-")
        try:
            with os.fdopen(number, "wb") as file:
                yield file
                size = file.tell()
            kept = {key: headers[key] for key in KEPT_HEADERS if key in headers} | {"Content-Length": str(size)}
            body.with_suffix(".json").unlink(missing_ok=True)
            Path(name).replace(body)
            notes = Path(f"{name}.json")
            notes.write_text(json.dumps({"url": url, "headers": kept}))
            notes.replace(body.with_suffix(".json"))
        finally:
            Path(name).unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / digest[:2] / f"{digest}.body"

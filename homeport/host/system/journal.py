"""Entries of the journal, read backwards and from where one has been before. Reads only."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Entry = dict[str, Any]
COMMAND = ("journalctl", "--quiet", "--no-pager", "--output=json", "--all")
FIELDS = "MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT,OBJECT_SYSTEMD_UNIT,_PID"
# syslog(3): 0 to 3 are errors, 4 is a warning.
LEVELS = ("error", "error", "error", "error", "warning")
# More than this at a time nobody reads; what is left out is said by the gap in the times.
MOST_LINES = 10_000


class Journal:
    """Reads the entries that journalctl's options select."""

    def __init__(self, selection: Sequence[str], describe: Callable[[Entry], dict[str, Any]]):
        self._selection, self._describe = selection, describe

    def position(self, now: float) -> list[Any]:
        """Return where the journal ends now: the cursor of its last entry, "" while it is empty, and its time."""
        done = subprocess.run([*COMMAND, "--lines=1"], capture_output=True, text=True, errors="replace", check=False)
        try:
            raw = json.loads(done.stdout.splitlines()[-1])
            return [raw["__CURSOR"], int(raw["__REALTIME_TIMESTAMP"]) / 1_000_000]
        except (ValueError, KeyError, IndexError):
            return ["", now]

    def backwards(self, position: list[Any], since: float | None) -> Iterator[dict[str, Any]]:
        """Yield the lines up to a position, the newest first."""
        bound = [] if since is None else [f"--since=@{since:.6f}"]
        yield from (line for line in self._lines("--reverse", *bound) if line["seconds"] <= position[1])

    def after(self, position: list[Any]) -> tuple[list[dict[str, Any]], list[Any]]:
        """Return the lines after a position, and the position after them."""
        cursor, seconds = position
        bound = f"--after-cursor={cursor}" if cursor else f"--since=@{seconds:.6f}"
        found = list(self._lines(bound))[-MOST_LINES:]
        return found, [found[-1]["cursor"], found[-1]["seconds"]] if found else position

    def _lines(self, *options: str) -> Iterator[dict[str, Any]]:
        command = [*COMMAND, f"--output-fields={FIELDS}", *options, *self._selection]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            try:
                for text in process.stdout:
                    if entry := parse(text):
                        yield {**entry, **self._describe(json.loads(text))}
            finally:
                process.terminate()


def parse(text: str) -> dict[str, Any] | None:
    """Return time, level, process and text of an entry in the form of `journalctl --output=json`; else None."""
    try:
        raw = json.loads(text)
        seconds = int(raw["__REALTIME_TIMESTAMP"]) / 1_000_000
    except (ValueError, KeyError, TypeError):
        return None
    message = raw.get("MESSAGE")
    if isinstance(message, list) and all(isinstance(one, int) for one in message):  # a message that is not UTF-8
        message = bytes(message).decode("utf-8", "replace")
    priority = int(raw.get("PRIORITY") or 6)
    return {
        "seconds": seconds,
        "cursor": raw["__CURSOR"],
        "level": LEVELS[priority] if priority < len(LEVELS) else "info",
        "pid": int(raw["_PID"]) if str(raw.get("_PID", "")).isdigit() else None,
        "text": str(message or "").rstrip("\n"),
    }

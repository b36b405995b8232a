"""Runs pyinfra and reads what it tells (`homeport.controller.events`) and prints, a dict a line, until it has ended.

An interrupt is passed on, so that pyinfra ends its connections, and with them the locks; it never breaks the reading.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from homeport.controller import events
from homeport.errors import EXIT_INTERRUPTED

Event = dict[str, Any]
# Lines of the host begin in the first column; pyinfra's lines about the host are indented.
WORDS = re.compile(r"\[(?P<host>[^\]\s]+)\]\s+(?P<text>.*)")
NOTES = re.compile(r"\s+\[(?P<host>[^\]\s]+)\]\s+(?P<text>(?:waiting|warning|error)\b.*)")
COLOURS = re.compile(r"\x1b\[[0-9;]*[a-zA-Z]")
# After an interrupt pyinfra closes its connections; one that does not answer any more must not hold us.
LEAVE_SECONDS = 10.0


def parse(line: str) -> Event:
    """Return a line of a run's output as an event: what was told, or `word` of a host, `problem`, or `chatter`."""
    text = COLOURS.sub("", line.rstrip("\n"))
    if text.startswith(events.MARK):
        told: Event = json.loads(text[1:])
        return told
    if found := WORDS.match(text) or NOTES.match(text):
        return {"event": "word", **found.groupdict()}
    if text.startswith("error: "):
        return {"event": "problem", "line": text.removeprefix("error: ")}
    return {"event": "chatter", "line": text}


@dataclass
class PyinfraProcess:
    """A run of pyinfra. `status` is its exit status once `events` has come to its end, or that of an interrupt."""

    words: list[str]
    decides: bool = False
    status: int = 0
    interrupted: bool = False
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def events(self) -> Iterator[Event]:
        """Run it, and yield what it says as it comes."""
        asked = events.ASK if self.decides else events.TELL
        environment = {**os.environ, events.VARIABLE: asked, "PYTHONUNBUFFERED": "1"}
        stdin = subprocess.PIPE if self.decides else subprocess.DEVNULL
        out = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with self._signals_passed_on():
            with subprocess.Popen(self.words, env=environment, text=True, errors="replace", **out) as process:  # type: ignore[call-overload]
                self._process = process
                if self.interrupted:
                    process.send_signal(signal.SIGINT)
                yield from map(parse, process.stdout)
            returned = process.returncode
        if not self.interrupted:
            self.status = returned if returned >= 0 else 128 - returned

    def decide(self, *, go: bool) -> None:
        """Answer the run that has said `prepared`: it goes on, or it ends with nothing changed."""
        process = self._process
        if process is None or process.stdin is None:
            raise RuntimeError("there is no run that waits for an answer")
        # It may have ended meanwhile, by an interrupt.
        with suppress(OSError):
            if go:
                process.stdin.write("go\n")
            process.stdin.close()

    @contextmanager
    def _signals_passed_on(self) -> Iterator[None]:
        before = {one: signal.signal(one, self._interrupt) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        again, self.interrupted = self.interrupted, True
        self.status = EXIT_INTERRUPTED if number == signal.SIGINT else 128 + number
        if self._process is None:
            return
        if again:
            self._process.kill()
            return
        self._process.send_signal(signal.SIGINT)
        timer = threading.Timer(LEAVE_SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()


@contextmanager
def interruptible() -> Iterator[None]:
    """Have an interrupt raise KeyboardInterrupt again, for a question to a person."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""Closing: for a while a proxy ends each connection with its next answer, so that a reload cuts none that is in use.

A reload of Nginx or Caddy ends connections that are kept open and idle, and the next request of a client may be on its
way there already: of 4,279 requests of clients with a round trip of 40 ms 355 were lost in 20 reloads of Nginx
(measured). Only an answer can tell a client to open another connection: while the file is there the sites answer with
`Connection: close`. Whoever asks less often than closing lasts may still be cut. HTTP/2 has its own way (GOAWAY): Nginx
sends it when it is reloaded, and Caddy in place of that header.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from ...system import sockets, timeline
from ...system.layout import MachineLayout
from ...system.output import say

# A connection that was answered just before is kept for 65 s by the sites. One second for the rest.
FULL_SECONDS = 66.0
# For whoever reloads by systemctl, and has to be answered within systemd's time; and where a site has to go back.
SHORT_SECONDS = 1.0
POLL_SECONDS = 0.1


def flag(machine: MachineLayout) -> Path:
    """Return the file for which the sites look at every request."""
    return machine.runtime / "closing"


def has_begun(machine: MachineLayout) -> bool:
    """Tell whether the proxy closes already."""
    return flag(machine).exists()


def wait(machine: MachineLayout, at_most_seconds: float, name: str, ports: Collection[int]) -> None:
    """Have `name` close, and return when the connections that are open now have ended, or after `at_most_seconds`.

    The time counts from when closing began, also where another process has begun it. It goes on until `end`.
    """
    left = _connections(ports)
    end = time.monotonic() + timeline.left(at_most_seconds, _begin(machine))
    told = time.monotonic() + SHORT_SECONDS
    while left and (now := time.monotonic()) < end:
        if now > told:
            say(f"{name} reloads when {len(left)} open connections have ended, within {end - now:.0f} s: none is cut")
            told = end
        time.sleep(POLL_SECONDS)
        left &= _connections(ports)


def is_left_over(machine: MachineLayout) -> bool:
    """Tell whether whoever began closing was killed before the end: nobody closes for twice the longest time."""
    return has_begun(machine) and abs(time.time() - flag(machine).stat().st_mtime) > 2 * FULL_SECONDS


def end(machine: MachineLayout) -> None:
    """Let connections be kept open again."""
    flag(machine).unlink(missing_ok=True)


def _begin(machine: MachineLayout) -> float:
    if not has_begun(machine):
        flag(machine).touch(mode=0o644)
    return flag(machine).stat().st_mtime


def _connections(ports: Collection[int]) -> set[int]:
    found = sockets.read()
    return {one.inode for port in ports for one in sockets.connections(found, port) if one.inode}

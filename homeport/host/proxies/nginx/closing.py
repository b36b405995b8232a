"""Closing: for a while Nginx ends each connection with its next answer, so that a reload cuts none that is in use.

A reload of Nginx ends connections that are kept open and idle, and the next request of a client may be on its way there
already: of 4,279 requests of clients with a round trip of 40 ms 355 were lost in 20 reloads (measured). Only an answer
can tell a client to open another connection: while the file is there the sites answer with `Connection: close`. Whoever
asks less often than closing lasts may still be cut. HTTP/2 has its own way (GOAWAY), and is not touched by it.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from ...system import sockets, timeline
from ...system.layout import MachineLayout
from ...system.output import say

# A connection that was answered just before is kept for 65 s: keepalive_timeout of the sites. One second for the rest.
FULL_SECONDS = 66.0
# For whoever reloads Nginx by systemctl, and has to be answered within systemd's time; and where a site has to go back.
SHORT_SECONDS = 1.0
POLL_SECONDS = 0.1
HTTPS = 443
BALANCED = re.compile(r"listen (\d+) ssl[^;]* proxy_protocol")


def flag(machine: MachineLayout) -> Path:
    """Return the file for which the sites look at every request."""
    return machine.runtime / "closing"


def is_in(machine: MachineLayout) -> bool:
    """Tell whether a site in Nginx's configuration looks for the file; one of an older homeport does not."""
    sites = (machine.nginx / "homeport").glob("*.conf")
    return any(str(flag(machine)) in site.read_text(errors="replace") for site in sites)


def note(machine: MachineLayout, known: bool) -> None:
    """Remember whether the Nginx that runs knows of closing, as `is_in` said when it read its configuration."""
    if known:
        _known(machine).touch(mode=0o644)
    else:
        _known(machine).unlink(missing_ok=True)


def is_known(machine: MachineLayout) -> bool:
    """Tell whether the Nginx that runs knows of closing."""
    return _known(machine).exists()


def has_begun(machine: MachineLayout) -> bool:
    """Tell whether Nginx closes already."""
    return flag(machine).exists()


def wait(machine: MachineLayout, at_most_seconds: float) -> None:
    """Have Nginx close, and return when the connections that are open now have ended, or after `at_most_seconds`.

    The time counts from when closing began, also where another process has begun it. It goes on until `end`.
    """
    if not is_known(machine):
        return
    left = _connections(machine)
    end = time.monotonic() + timeline.left(at_most_seconds, _begin(machine))
    told = time.monotonic() + SHORT_SECONDS
    while left and (now := time.monotonic()) < end:
        if now > told:
            say(f"nginx reloads when {len(left)} open connections have ended, within {end - now:.0f} s: none is cut")
            told = end
        time.sleep(POLL_SECONDS)
        left &= _connections(machine)


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


def _connections(machine: MachineLayout) -> set[int]:
    found = sockets.read()
    return {one.inode for port in _ports(machine) for one in sockets.connections(found, port) if one.inode}


def _ports(machine: MachineLayout) -> set[int]:
    """Return the ports of HTTPS: also the one on which load balancers speak the PROXY protocol, where there is one."""
    sites = (site.read_text(errors="replace") for site in (machine.nginx / "homeport").glob("*.conf"))
    return {HTTPS, *(int(port) for text in sites for port in BALANCED.findall(text))}


def _known(machine: MachineLayout) -> Path:
    return machine.runtime / "nginx.closes"

"""Closing, as Nginx does it (`model/closing.py`): for whom it waits, and whether the Nginx that runs knows of it."""

from __future__ import annotations

import re
from pathlib import Path

from ...system.layout import MachineLayout
from ..model import closing
from ..model.closing import FULL_SECONDS, SHORT_SECONDS, end, flag, has_begun, is_left_over

__all__ = ["FULL_SECONDS", "SHORT_SECONDS", "end", "flag", "has_begun", "is_left_over"]

HTTPS = 443
BALANCED = re.compile(r"listen (\d+) ssl[^;]* proxy_protocol")


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


def wait(machine: MachineLayout, at_most_seconds: float) -> None:
    """Have Nginx close, and return when the connections that are open now have ended, or after `at_most_seconds`."""
    if is_known(machine):
        closing.wait(machine, at_most_seconds, "nginx", _ports(machine))


def _ports(machine: MachineLayout) -> set[int]:
    """Return the ports of HTTPS: also the one on which load balancers speak the PROXY protocol, where there is one."""
    sites = (site.read_text(errors="replace") for site in (machine.nginx / "homeport").glob("*.conf"))
    return {HTTPS, *(int(port) for text in sites for port in BALANCED.findall(text))}


def _known(machine: MachineLayout) -> Path:
    return machine.runtime / "nginx.closes"

"""Applications that are served below a path of another one's name: by the claims of the machine. Reads only.

A claim (`site.json`) is there before an application's first release, and goes with its folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from ...system.layout import Layout, MachineLayout


class Mount(NamedTuple):
    """An application, the owner of the name that it is served under, and the path."""

    app: str
    owner: str
    path: str


def read(layout: Layout) -> Mount | None:
    """Return where an application is mounted; None for one with a name of its own, and while that is not known."""
    return _read(layout.site)


def mounted_on(machine: MachineLayout, owner: str) -> list[Mount]:
    """Return the applications that are mounted on one."""
    found = (_read(claim) for claim in sorted(machine.sites.glob("*/site.json")))
    return [one for one in found if one and one.owner == owner]


def owner(layout: Layout) -> Layout:
    """Return the layout of the application that owns the name: its own, unless it is mounted on another one."""
    mount = read(layout)
    return Layout(mount.owner, layout.root) if mount else layout


def _read(claim: Path) -> Mount | None:
    try:
        raw = json.loads(claim.read_text())
        return Mount(str(raw["app"]), str(raw["mounted_on"]), str(raw["mount_path"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None

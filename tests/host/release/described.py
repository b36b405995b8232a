"""A release on a host as tests of what follows from its description need it: folders, description, and the live one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from homeport.host.services.release_description import Release, load
from homeport.host.system.layout import Layout

DESCRIBED: dict[str, Any] = {
    "ports": {"blue": 1, "green": 2},
    "health": {"path": "/", "status": 200, "successes": 1, "timeout_seconds": 1},
    "drain_timeout_seconds": 1,
    "has_migration": False,
}


def describe(layout: Layout, name: str, **more: object) -> Release:
    """Make a release of this name, described so, and return it as the host program reads it."""
    for folder in (layout.code_releases, layout.settings_releases):
        (folder / name).mkdir(parents=True, exist_ok=True)
    file: Path = layout.settings_releases / name / "release.json"
    file.write_text(json.dumps({"id": name, **DESCRIBED, **more}))
    return load(layout, name)


def link(layout: Layout, slot: str, name: str) -> None:
    """Have a slot hold a release."""
    for one in layout.links(slot):
        one.parent.mkdir(parents=True, exist_ok=True)
        one.unlink(missing_ok=True)
        one.symlink_to(f"../releases/{name}")

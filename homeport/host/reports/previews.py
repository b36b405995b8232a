"""`previews`: the previews that this host has of an application, by their claims and the logs of their releases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..release import release_log
from ..system.layout import Layout, MachineLayout
from . import release_history


def previews(machine: MachineLayout, owner: str) -> list[dict[str, Any]]:
    """Return the previews of the application `owner`, by the names of their branches."""
    found = (_preview(machine, claim) for claim in _claims(machine) if claim["preview"].get("of") == owner)
    return sorted(found, key=lambda one: str(one["branch"]))


def _claims(machine: MachineLayout) -> Iterator[Mapping[str, Any]]:
    for path in sorted(machine.sites.glob("*/site.json")):
        try:
            claim = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(claim, dict) and isinstance(claim.get("preview"), dict):
            yield claim


def _preview(machine: MachineLayout, claim: Mapping[str, Any]) -> dict[str, Any]:
    layout, preview = Layout(str(claim["app"]), machine.root), claim["preview"]
    went_live = [one for one in release_history.read(layout) if one["event"] == release_log.LIVE]
    last = went_live[-1] if went_live else {}
    release = last.get("release")
    commit = release_history.record(layout, str(release)).get("commit") if release else None
    return {
        "app": layout.app,
        "branch": preview.get("branch"),
        "url": preview.get("url"),
        "release": release,
        "commit": commit,
        "live_at": last.get("at"),
        "until": preview.get("until"),
    }

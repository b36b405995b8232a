"""`releases`: what is on the host, what became of each release by the log, and which one a rollback goes to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..proxies.model.log_lines import site_names
from ..release import deploy_hold, environments, pruning, release_log, slots
from ..services.release_description import Release, load
from ..system.layout import Layout
from ..system.output import HostError

GOOD, BAD, LEFT, NEVER = "good", "bad", "rolled-back", "never live"
STATES = {release_log.LIVE: GOOD, release_log.FAILED: BAD, release_log.LEFT: LEFT}
# Keys of release.json, for people who read the list or decide about a rollback.
DESCRIBED = ("ref", "commit", "tree", "dirty", "created_at", "migrations")


def overview(layout: Layout) -> dict[str, Any]:
    """Return all that is known of the application's releases here, the last one to go live first.

    `proven` is what the log says is live, `previous` the release that a rollback goes to, `hold` who holds deploys by
    hand.
    """
    found = slots.read(layout)
    live = found[found.live].release if found.live else None
    running = bool(found.live and found[found.live].active)
    entries, release = read(layout), described(layout, live)
    return {
        "app": layout.app,
        "live": live,
        "proven": release_log.last_live(release_log.read(layout)),
        "running": running,
        "workers": release.workers if release else None,
        "restarts_in_place": bool(release and release.restarts_in_place),
        "previous": pruning.previous(layout, live),
        "domains": sorted(site_names(layout)),
        "hold": deploy_hold.read(layout),
        "releases": [_release(layout, name, entries, live) for name in in_order(present(layout), entries)],
    }


def read(layout: Layout) -> list[dict[str, Any]]:
    """Return the entries of the log, oldest first."""
    return release_log.entries(release_log.text(layout))


def in_order(names: Iterable[str], entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the releases, the one that the log speaks of last first; those it does not know come first of all."""
    last = {str(entry["release"]): number for number, entry in enumerate(entries)}
    return sorted(names, key=lambda name: (-last.get(name, len(last) + 10**9), name))


def states(entries: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what each release came to: good, bad or rolled-back; one that never was live is missing."""
    verdicts = release_log.verdicts(release_log.events(entries))
    return {release: STATES[verdict] for release, verdict in verdicts.items()}


def present(layout: Layout) -> list[str]:
    """Return the releases whose code is here under its final name."""
    trees = layout.code_releases
    folders = trees.iterdir() if trees.is_dir() else ()
    return sorted(path.name for path in folders if path.is_dir() and not path.name.endswith(pruning.PARTIAL))


def is_whole(layout: Layout, name: str) -> bool:
    """Tell whether code, settings and the virtual environment of the release, with its Python, are all here."""
    environment = layout.code_releases / name / ".venv"
    is_complete = (environment / pruning.COMPLETE).exists() and not environments.refusal(environment)
    return pruning.is_whole(layout, name) and is_complete


def _release(layout: Layout, name: str, entries: list[dict[str, Any]], live: str | None) -> dict[str, Any]:
    described = record(layout, name)
    went_live = [entry for entry in entries if entry["release"] == name and entry["event"] == release_log.LIVE]
    last = went_live[-1] if went_live else {}
    return {
        "id": name,
        "state": "live" if name == live else states(entries).get(name, NEVER),
        "whole": is_whole(layout, name),
        "live_at": last.get("at"),
        "by": last.get("by") or described.get("by"),
        **{key: described.get(key) for key in DESCRIBED},
    }


def record(layout: Layout, name: str) -> dict[str, Any]:
    """Return the release's description, release.json, as it is; nothing when it cannot be read."""
    try:
        raw = json.loads((layout.settings_releases / name / "release.json").read_text())
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


def described(layout: Layout, live: str | None) -> Release | None:
    """Return the live release as it describes itself; None when there is none."""
    try:
        return load(layout, live) if live else None
    except HostError:
        return None

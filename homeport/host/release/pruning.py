"""`prune`: remove old releases, virtual environments that no release has any more, and what was left half-made.

A release whose removal is interrupted has a `.partial` name already, so that what has a release's name is whole.
"""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from ..system.layout import SLOTS, Layout
from ..system.output import say
from . import release_log, slots, static_files
from .release_log import Event

PARTIAL = ".partial"
COMPLETE = ".complete"
# Younger files may belong to a deploy that is just being made, whose upload needs no lock.
LEFTOVER_SECONDS = 3600.0


def releases_to_prune(
    present: Iterable[str], events: Iterable[Event], *, in_use: Collection[str], keep: int
) -> list[str]:
    """Return which of the releases `present` to remove, in their order.

    Kept are those `in_use` and the `keep` good ones that became live last; one that failed, or was left by a rollback,
    counts for nothing, so that it pushes out none that is good.
    """
    names = list(present)
    newest_first = [release for release in release_log.good(events) if release in names]
    kept = {*in_use, *newest_first[:keep]}
    return [name for name in names if name not in kept]


def prune(
    layout: Layout,
    keep: int,
    pins: Collection[str] = (),
    *,
    dry_run: bool = False,
    leftover_seconds: float = LEFTOVER_SECONDS,
) -> None:
    """Remove what is no longer needed and say each name; with `dry_run` only say it.

    Never removed are the live release, the one to go back to, what a slot holds and the `pins`. What is half-made,
    failed or was never live goes once it is older than `leftover_seconds`. The caller holds the application's lock.
    """
    releases, environments = removable(layout, keep, pins, leftover_seconds=leftover_seconds)
    for name in releases:
        _remove("release", name, [tree / name for tree in _trees(layout)], dry_run)
    for name in environments:
        _remove("environment", name, [layout.venvs / name], dry_run)
    if not dry_run:
        static_files.prune(layout)


def previous(layout: Layout, live: str | None, events: Iterable[Event] | None = None) -> str | None:
    """Return the release to go back to from `live`: the last good one before it that is whole; None without one."""
    good = release_log.good(release_log.read(layout) if events is None else events)
    return next((name for name in good if name != live and is_whole(layout, name)), None)


def removable(
    layout: Layout,
    keep: int,
    pins: Collection[str] = (),
    *,
    coming: str = "",
    leftover_seconds: float = LEFTOVER_SECONDS,
) -> tuple[list[str], list[str]]:
    """Return the releases and environments that `prune` would remove once the release `coming` ("": none) is live."""
    trees, events, recent = _trees(layout), release_log.read(layout), time.time() - leftover_seconds
    live = slots.linked_release(layout, slots.flagged(layout)) if release_log.last_live(events) else None
    in_use = _in_slots(layout)
    if coming and coming != live:  # it will take the idle slot, and what is there now will be free to go
        in_use = {name for name in (coming, live) if name}
        events = [*events, Event(release_log.LIVE, coming)]
        live = coming
    in_use |= {name for name in (previous(layout, live, events), *pins) if name}
    names = sorted({path.name for tree in trees for path in _folders(tree)} | in_use)
    # What is coming may not be here yet, and counts for one of those that are kept all the same.
    whole = [name for name in names if name == coming or (not name.endswith(PARTIAL) and is_whole(layout, name))]
    good = release_log.good(events)
    in_use |= {name for name in names if name not in good and any(_newer(tree / name, recent) for tree in trees)}
    gone = releases_to_prune(whole, events, in_use=in_use, keep=keep)
    gone += [name for name in names if name not in whole and name not in in_use]
    return gone, [path.name for path in _unused_venvs(layout, set(gone), recent)]


def _trees(layout: Layout) -> tuple[Path, Path]:
    return layout.code_releases, layout.settings_releases


def is_whole(layout: Layout, name: str) -> bool:
    """Tell whether both trees have the release."""
    return all((tree / name).is_dir() for tree in _trees(layout))


def _in_slots(layout: Layout) -> set[str]:
    """Return the releases that a link of a slot points to (the live one is among them), also where two disagree."""
    links = [link for slot in SLOTS for link in layout.links(slot) if link.is_symlink()]
    return {link.readlink().name for link in links}


def _unused_venvs(layout: Layout, gone: Collection[str], recent: float) -> list[Path]:
    """Return the virtual environments that no release but those `gone` points to and that are older than `recent`."""
    links = [path / ".venv" for path in _folders(layout.code_releases) if path.name not in gone]
    used = {link.readlink().name for link in links if link.is_symlink()}
    return [path for path in _folders(layout.venvs) if path.name not in used and not _newer(path, recent)]


def _folders(parent: Path) -> list[Path]:
    return (
        sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink()) if parent.is_dir() else []
    )


def _newer(path: Path, moment: float) -> bool:
    return path.exists() and path.stat().st_mtime > moment


def _remove(kind: str, name: str, paths: list[Path], dry_run: bool) -> None:
    say(f"{'would remove' if dry_run else 'removing'} {kind} {name}")
    for path in paths:
        if dry_run or not path.exists():
            continue
        partial = path if path.name.endswith(PARTIAL) else path.with_name(path.name + PARTIAL)
        if partial != path:
            shutil.rmtree(partial, ignore_errors=True)
            try:
                path.rename(partial)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                # overlayfs renames no folder that was in the machine's image (kernel's overlayfs.rst, redirect_dir).
                (path / COMPLETE).unlink(missing_ok=True)
                partial = path
        shutil.rmtree(partial)

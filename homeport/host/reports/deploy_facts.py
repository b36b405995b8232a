"""`facts`: what a deploy must know of a host and a shell script cannot find out; a section's name and fields a row."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..proxies.chosen import proxy_of
from ..release import contents, pruning, release_log, slots
from ..services import units
from ..services.release_description import load, server_of
from ..system.layout import SLOTS, Layout
from ..system.output import HostError
from ..system.unit_processes import UnitMemory, memory_of

Row = tuple[object, ...]


def facts(layout: Layout, keep: int, pins: Collection[str] = (), coming: str = "") -> Iterator[Row]:
    """Yield what the controller's snapshot reads; `coming` is the release that is about to go live, "": none."""
    if proxy_of(layout.machine).is_stale(layout.machine):
        yield ("proxy", "stale")
    yield from _releases(layout, coming)
    for slot, unit in zip(SLOTS, units.show_all([layout.unit(slot) for slot in SLOTS]), strict=True):
        if unit["ActiveState"] == "active":
            yield ("slot_memory", slot, *memory(memory_of(unit, server_of(layout.links(slot)[1]))))
    releases, environments = pruning.removable(layout, keep, pins, coming=coming)
    for name in (*releases, *environments):
        yield ("removable", name)


def _releases(layout: Layout, coming: str) -> Iterator[Row]:
    if proven := release_log.last_live(release_log.read(layout)):
        yield ("proven", proven)
    if standby := slots.standby(layout):
        yield ("standby", standby)
    found = slots.read(layout)
    if found.live and (previous := pruning.previous(layout, found[found.live].release)):
        yield ("previous", previous)
    if coming:
        yield from uploaded(layout, coming)


def uploaded(layout: Layout, coming: str) -> Iterator[Row]:
    """Yield what the host has of the release `coming`: what it was made for here, and its own files under /etc."""
    try:
        release = load(layout, coming)
    except HostError:  # not here yet, or damaged: then it is uploaded
        return
    yield ("coming", release.workers, "migrates" if release.has_migration else "")
    for path in sorted(path for path in release.files.iterdir() if path.is_file()):
        yield ("coming_file", path.name, contents.digest(path))


def memory(found: UnitMemory) -> tuple[int, int, int]:
    """Return what a slot's processes hold, in kilobytes: all of them, the workers' part; and how many workers.

    A lone worker without a manager is the main process itself: then the workers' part is all.
    """
    parts = found.workers.values()
    return (found.total, sum(parts), len(parts)) if parts else (found.total, found.total, 1)

"""The two slots: which is live, what each holds, and pointing one at another release.

The flag file alone says which slot is live. As "no flag" means blue, a host where nothing was ever live is told apart
by blue being neither enabled for boot nor in the log.
"""

from __future__ import annotations

from typing import NamedTuple

from ..services import unit_files, units
from ..services.release_description import Release
from ..system import atomic
from ..system.layout import BLUE, GREEN, SLOTS, Layout, other
from ..system.output import HostError
from . import release_log
from .live_slot import which_is_live


class Slot(NamedTuple):
    """A slot as it is: its name, the release that its links agree on, its unit's state and whether it boots."""

    name: str
    release: str | None
    active: bool
    enabled: bool


class Slots:
    """Both slots, and the name of the live one (None: nothing was ever live)."""

    def __init__(self, live: str | None, blue: Slot, green: Slot):
        self.live = live
        self.blue = blue
        self.green = green

    def __getitem__(self, name: str) -> Slot:
        return self.blue if name == BLUE else self.green

    @property
    def target(self) -> str:
        """Return the slot that the next release goes to."""
        return other(self.live) if self.live else BLUE


def read(layout: Layout) -> Slots:
    """Read the state of both slots from the host."""
    states = units.show_all([layout.unit(name) for name in SLOTS])
    blue, green = (_slot(layout, name, state) for name, state in zip(SLOTS, states, strict=True))
    ever_live = release_log.last_live(release_log.read(layout)) is not None
    live = which_is_live(flag=layout.flag.exists(), blue_enabled=blue.enabled, ever_live=ever_live)
    return Slots(live, blue, green)


def _slot(layout: Layout, name: str, state: dict[str, str]) -> Slot:
    return Slot(
        name,
        linked_release(layout, name),
        active=state["ActiveState"] == "active",
        enabled=state["UnitFileState"] == "enabled",
    )


def linked_release(layout: Layout, name: str) -> str | None:
    """Return the release that both links of the slot point to; None when they are missing or disagree."""
    targets = {link.readlink().name if link.is_symlink() else None for link in layout.links(name)}
    return targets.pop() if len(targets) == 1 else None


def port(layout: Layout, name: str) -> int | None:
    """Return the port that the slot's processes are told to use; None when that cannot be read."""
    try:
        words = (layout.settings / f"{name}.env").read_text().split()
        return next(int(word.partition("=")[2]) for word in words if word.startswith("HOMEPORT_PORT="))
    except (OSError, ValueError, StopIteration):
        return None


def holds(layout: Layout, name: str, release: Release) -> bool:
    """Tell whether links and units of the slot are those of `release`; what runs in it then runs that release."""
    return linked_release(layout, name) == release.id and unit_files.are_installed(layout, name, release)


def prepare(layout: Layout, name: str, release: Release, *, migrate: bool) -> None:
    """Stop the slot and make it hold `release`, which will `migrate` or has done so. Not for the live slot."""
    if is_live(layout, name) and units.is_active(layout.unit(name)):
        raise HostError(f"slot {name} is live and is not touched")
    halt(layout, name)
    if migrate:
        atomic.remove(layout.migrated(name))
    else:
        migrates_no_more(layout, name)
    for link in layout.links(name):
        link.parent.mkdir(exist_ok=True)
        atomic.point(link, f"../releases/{release.id}")
    unit_files.install(layout, name, release)


def migrates_no_more(layout: Layout, name: str) -> None:
    """Keep the slot's migration from running: an older one has no business in a database that is ahead of it."""
    atomic.write(layout.migrated(name), b"")


def halt(layout: Layout, name: str) -> None:
    """Stop the slot and take back its permit to run, also as the standby."""
    atomic.remove(layout.permit(name))
    if standby(layout) == name:
        atomic.remove(layout.standby)
    units.stop(layout, name)


def permit(layout: Layout, name: str) -> None:
    """Let the slot run although it is not live, until it is stopped or the machine boots."""
    layout.permit(name).parent.mkdir(mode=0o755, exist_ok=True)
    layout.permit(name).touch(mode=0o644)


def may_run(layout: Layout, name: str) -> bool:
    """Tell whether the slot may run: it is the live one, it was started as the next one, or it is the standby.

    Both slots are enabled for boot for a moment of each switch; this keeps a boot from starting the wrong one.
    """
    return is_live(layout, name) or layout.permit(name).exists() or standby(layout) == name


def is_live(layout: Layout, name: str) -> bool:
    """Tell whether the slot is the one that the flag names."""
    return layout.flag.exists() == (name == GREEN)


def flagged(layout: Layout) -> str:
    """Return the slot that the flag names: the live one, if anything was ever live."""
    return GREEN if layout.flag.exists() else BLUE


def standby(layout: Layout) -> str | None:
    """Return the slot that is kept running behind the live one, also over a boot; None when none is."""
    try:
        name = layout.standby.read_text().strip()
    except FileNotFoundError:
        return None
    return name if name in SLOTS else None


def keep_as_standby(layout: Layout, name: str) -> None:
    """Have the slot run on behind the live one until it is halted."""
    atomic.write(layout.standby, f"{name}\n".encode())

"""Applications whose processes run a library that an upgrade has replaced on the disk: they have its faults still."""

from __future__ import annotations

from ..services import units
from ..services.release_description import load
from ..system import lock, mapped, unit_processes
from ..system.layout import Layout, MachineLayout
from ..system.output import HostError
from . import deploy_hold, environments, slots


def replaced(layout: Layout, slot: str) -> dict[str, list[str]]:
    """Return, by unit, what the processes of a slot run of replaced files; units without any are left out."""
    names = [layout.unit(slot), *(path.name for path in units.installed_extras(layout, slot))]
    found = {}
    for name, shown in zip(names, units.show_all(names), strict=True):
        pids = unit_processes.process_ids(shown.get("ControlGroup", ""))
        if paths := sorted({path for pid in pids for path in mapped.replaced(pid)}):
            found[name] = paths
    return found


def applications(machine: MachineLayout) -> dict[str, list[str]]:
    """Return what the live release of each application of the machine runs of replaced files, where it runs any.

    Left out are those that new processes would cost something, or whose deploys somebody is at: see `_may_restart`.
    """
    found = {}
    for folder in sorted(path for path in machine.sites.iterdir() if path.is_dir() and "." not in path.name):
        layout = Layout(folder.name, machine.root)
        its = replaced(layout, slots.flagged(layout))
        if its and _may_restart(layout):
            found[layout.app] = sorted({path for paths in its.values() for path in paths})
    return found


def _may_restart(layout: Layout) -> bool:
    """Tell whether nobody is deploying or holds deploys, and the live release loses nothing by new processes.

    One that replaces the other in its place is down meanwhile, and a restart ends what is kept as a standby.
    """
    if deploy_hold.read(layout) is not None or lock.is_held(layout.deploy_lock):
        return False
    live = slots.linked_release(layout, slots.flagged(layout))
    if live is None or environments.refusal(layout.code_releases / live / ".venv"):
        return False
    try:
        release = load(layout, live)
    except HostError:
        return False
    return not release.replaces and not release.standby

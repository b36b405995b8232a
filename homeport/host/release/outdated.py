"""Applications whose processes run a library that an upgrade has replaced on the disk: they have its faults still."""

from __future__ import annotations

from ..services import units
from ..system import mapped, unit_processes
from ..system.layout import Layout, MachineLayout
from . import deploy_hold, slots


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

    Those whose deploys are held by hand are left out: they stay as they are.
    """
    found = {}
    for folder in sorted(path for path in machine.sites.iterdir() if path.is_dir()):
        layout = Layout(folder.name, machine.root)
        its = replaced(layout, slots.flagged(layout))
        if its and deploy_hold.read(layout) is None:
            found[layout.app] = sorted({path for paths in its.values() for path in paths})
    return found

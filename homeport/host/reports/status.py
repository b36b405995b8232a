"""`status`: what runs, on what, and what has happened, as JSON. Reads only.

What it means (ages, shares, advice) is made of it on the controller, by homeport.report.status.
"""

from __future__ import annotations

import time
from typing import Any

from ..proxies import maintenance, renewal
from ..release import deploy_hold, retrying, slots
from ..services import timers, units
from ..services.processes import unit_names
from ..services.release_description import server_of
from ..system import resources, sampling, timeline, unit_processes
from ..system.layout import SLOTS, Layout
from . import journal_lines, release_history, usage_record

# Enough for a few weeks of releases, and small enough to be read every other second.
LOG_ENTRIES = 60
# Of release.json.
DESCRIBED = ("commit", "ref", "dirty", "by", "created_at", "workers", "ports", "server")


def status(layout: Layout, seconds: float = sampling.SAMPLE_SECONDS) -> dict[str, Any]:
    """Return the state of the application and its machine; the processors are watched for so long.

    Memory is PSS in kilobytes: shared pages count once over all processes (Linux, filesystems/proc.rst, smaps_rollup).
    """
    found = slots.read(layout)
    live = found[found.live].release if found.live else None
    states = {name: {**slot_status(layout, name), "last_word_at": last_word(layout, name)} for name in SLOTS}
    processes = [one for state in states.values() for one in state["processes"]]
    busy = sampling.usage([one["pid"] for one in processes], seconds)
    for one in processes:
        one["cpu_percent"] = busy.processes.get(one["pid"])
    return {
        "app": layout.app,
        "at": timeline.moment(time.time()),
        "live": found.live,
        "standby": slots.standby(layout),
        "release": live,
        "record": described(layout, live) if live else {},
        "slots": states,
        "extras": [extra(name) for name in unit_names(layout, found.live)] if found.live else [],
        "machine": {"cpu_percent": busy.machine, **resources.machine()},
        "week": usage_record.read(layout.machine),
        "disks": resources.disks(layout),
        "certificate": renewal.certificate(layout),
        "renewal": renewal.renewal(),
        "hold": deploy_hold.read(layout),
        "maintenance": maintenance.read(layout),
        "log": release_history.read(layout)[-LOG_ENTRIES:],
    }


def described(layout: Layout, release: str) -> dict[str, Any]:
    """Return what a release says of itself, as far as it is for anybody's eyes."""
    record = release_history.record(layout, release)
    return {key: record.get(key) for key in DESCRIBED}


def last_word(layout: Layout, slot: str) -> str | None:
    """Return when the journal has last heard of a slot: when it ended, if it is down; None: never.

    systemd itself forgets a unit that is down.
    """
    journal = journal_lines.Journal([f"--unit={layout.unit(slot)}", "--lines=1"], lambda entry: {})
    return next((timeline.moment(line["seconds"]) for line in journal.backwards(["", time.time() + 1], None)), None)


def extra(name: str) -> dict[str, Any]:
    """Return the state of a process, task or timer beside the server, by its unit's name."""
    unit = units.show(name)
    return {
        "unit": name,
        "active_state": unit["ActiveState"],
        "result": unit.get("Result", ""),
        "restarts": int(unit.get("NRestarts") or 0),
        "next_run_at": timers.runs(name)[0] if name.endswith(".timer") else None,
    }


def slot_status(layout: Layout, name: str) -> dict[str, Any]:
    """Return the state of one slot."""
    unit, migration = units.show(layout.unit(name)), units.show(layout.migrate_unit(name))
    server = server_of(layout.links(name)[1])
    found = unit_processes.of_unit(unit, server)
    processes = [{**one, "age_seconds": sampling.age_seconds(one["pid"])} for one in found]
    return {
        "release": slots.linked_release(layout, name),
        "unit": layout.unit(name),
        "active_state": unit["ActiveState"],
        "sub_state": unit["SubState"],
        "result": unit.get("Result", ""),
        "enabled": unit.get("UnitFileState") == "enabled",
        "since": unit.get("StateChangeTimestamp", ""),
        "since_seconds": _age(unit.get("StateChangeTimestampMonotonic", "")),
        "restarts": int(unit.get("NRestarts") or 0),
        "main_pid": int(unit.get("MainPID") or 0),
        "workers": [one["pid"] for one in processes if one["kind"] == "worker"],
        "memory_pss_kilobytes": sum(one["memory_pss_kilobytes"] for one in processes),
        "processes": processes,
        "migration_state": migration["ActiveState"],
        "retry": retrying.read(layout, name),
    }


def _age(microseconds: str) -> float | None:
    """Return how long ago a moment of systemd's was; None for one that has not been."""
    moment = int(microseconds or 0) / 1_000_000
    return round(max(time.clock_gettime(time.CLOCK_MONOTONIC) - moment, 0.0), 1) if moment else None

"""`status`: what runs, on what, and what has happened, as JSON. Reads only.

What it means (ages, shares, advice) is made of it on the controller, by homeport.report.status.
"""

from __future__ import annotations

import time
from typing import Any

from ..proxies import maintenance, renewal
from ..release import deploy_hold, retrying, slots
from ..services import failures, timers, unit_state, units
from ..services.processes import unit_names
from ..services.release_description import server_of
from ..services.unit_state import UnitState
from ..system import resources, sampling, timeline, unit_processes
from ..system.journal import Journal
from ..system.layout import SLOTS, Layout
from . import certificate, release_history, usage_record

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
    extras = unit_names(layout, found.live) if found.live else []
    states, beside = _units(layout, extras)
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
        "extras": beside,
        "machine": {"cpu_percent": busy.machine, **resources.machine()},
        "week": usage_record.read(layout.machine),
        "disks": [one._asdict() for one in resources.disks(resources.release_folders(layout))],
        "certificate": _certificate(layout),
        "renewal": {**renewal.renewal(), "timer_boots": unit_state.state(units.show(renewal.TIMER)).boots},
        "hold": deploy_hold.read(layout),
        "maintenance": maintenance.read(layout),
        "log": release_history.read(layout)[-LOG_ENTRIES:],
    }


def _units(layout: Layout, extras: list[str]) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Return the state of both slots, and of the units beside the live one; systemd is asked once for all."""
    names = [*map(layout.unit, SLOTS), *map(layout.migrate_unit, SLOTS), *extras]
    raw = dict(zip(names, units.show_all(names), strict=True))
    migrations = {slot: unit_state.state(raw[layout.migrate_unit(slot)]) for slot in SLOTS}
    states = {slot: slot_status(layout, slot, raw[layout.unit(slot)], migrations[slot]) for slot in SLOTS}
    return states, [extra(name, unit_state.state(raw[name])) for name in extras]


def _certificate(layout: Layout) -> dict[str, Any] | None:
    """Return the site's certificate, where it lies, and whether it is the one that is served; None: there is none."""
    found = certificate.read(layout)
    return {"folder": found.folder, "pem": found.pem, "served": found.served == "it"} if found.pem else None


def described(layout: Layout, release: str) -> dict[str, Any]:
    """Return what a release says of itself, as far as it is for anybody's eyes."""
    record = release_history.record(layout, release)
    return {key: record.get(key) for key in DESCRIBED}


def last_word(layout: Layout, slot: str) -> str | None:
    """Return when the journal has last heard of a slot: when it ended, if it is down; None: never.

    systemd itself forgets a unit that is down.
    """
    journal = Journal([*failures.of_unit(layout.unit(slot)), "--lines=1"], lambda entry: {})
    return next((timeline.moment(line["seconds"]) for line in journal.backwards(["", time.time() + 1], None)), None)


def extra(name: str, unit: UnitState) -> dict[str, Any]:
    """Return the state of a process, task or timer beside the server, by its unit's name."""
    return {
        "unit": name,
        "active_state": unit.active,
        "result": unit.result,
        "restarts": unit.restarts,
        "next_run_at": timers.runs(name)[0] if name.endswith(".timer") else None,
    }


def slot_status(layout: Layout, name: str, raw: dict[str, str], migration: UnitState) -> dict[str, Any]:
    """Return the state of one slot, of what systemd says of its unit and of its migration's."""
    unit, server = unit_state.state(raw), server_of(layout.links(name)[1])
    found = unit_processes.of_unit(raw, server)
    processes = [{**one, "age_seconds": sampling.age_seconds(one["pid"])} for one in found]
    return {
        "release": slots.linked_release(layout, name),
        "unit": layout.unit(name),
        "active_state": unit.active,
        "sub_state": unit.sub,
        "result": unit.result,
        "enabled": unit.boots,
        "since": unit.since,
        "since_seconds": _age(raw.get("StateChangeTimestampMonotonic", "")),
        "restarts": unit.restarts,
        "main_pid": unit.main_pid,
        "workers": [one["pid"] for one in processes if one["kind"] == "worker"],
        "memory_pss_kilobytes": sum(one["memory_pss_kilobytes"] for one in processes),
        "processes": processes,
        "migration_state": migration.active,
        "retry": retrying.read(layout, name),
        "last_word_at": last_word(layout, name),
    }


def _age(microseconds: str) -> float | None:
    """Return how long ago a moment of systemd's was; None for one that has not been."""
    moment = int(microseconds or 0) / 1_000_000
    return round(max(time.clock_gettime(time.CLOCK_MONOTONIC) - moment, 0.0), 1) if moment else None

"""The report of `homeport status` on a host, made from its host program's data. Pure; sizes are bytes, times UTC.

The keys are those of homeport/cli/schemas/status.json, which is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from homeport.certificates import lifetime, reading
from homeport.certificates.lifetime import Certificate, CertificateLife
from homeport.errors import HomeportError
from homeport.probe.observations import DiskObservation
from homeport.releases import log
from homeport.releases.listing import held
from homeport.report import usage
from homeport.report.advice import Beyond, advice
from homeport.report.findings import of_status
from homeport.servers import SERVERS
from homeport.settings import Settings

KILOBYTE = 1024
# The published keys of a file system.
DISK_KEYS = ("path", "total_bytes", "free_bytes", "used_percent", "inodes_used_percent")
Raw = Mapping[str, Any]


def status(raw: Raw, settings: Settings, target: str = "TARGET") -> dict[str, Any]:
    """Return the state of one host; raise HomeportError when its host program is too old to tell.

    `target` is what the user calls the inventory.
    """
    if "machine" not in raw:
        raise HomeportError("the homeport on the host is older than this command", fix="deploy once with this one")
    now = datetime.fromisoformat(raw["at"])
    live = raw["slots"][raw["live"]] if raw["live"] else None
    read = _read(raw)
    life = _life(raw, read, settings) if read else None
    found = {
        "app": raw["app"],
        "domain": f"{settings.domain}{settings.mount_path or ''}",
        "at": raw["at"],
        "serving": bool(live and live["active_state"] == "active"),
        "release": _release(raw, now),
        "slot": raw["live"],
        "standby": raw["standby"],
        "slots": {name: _slot(one, raw) for name, one in raw["slots"].items()},
        "workers": _workers(raw, live),
        "processes": _processes(raw["extras"]),
        "machine": _machine(raw["machine"]),
        "week": usage.week(raw.get("week")),
        "disks": [{key: one[key] for key in DISK_KEYS} for one in raw["disks"]],
        "certificate": _certificate(raw, settings, read, life, now) if read and life else None,
        "hold": held(raw["hold"]),
        "maintenance": held(raw.get("maintenance")),
        "last_deploy": _last_deploy(raw, now),
        "log": log.events(raw["log"]),
    }
    # Data that a host program of an earlier version does not report count as well.
    beyond = Beyond(life, raw["renewal"].get("timer_boots", True), [_disk(one) for one in raw["disks"]])
    return {**found, "advice": of_status(advice({**found, "at": now}, beyond, settings), target)}


def _release(raw: Raw, now: datetime) -> dict[str, Any] | None:
    """Return the live release; None when nothing ever was live."""
    if raw["release"] is None:
        return None
    lives = [one for one in raw["log"] if one["event"] == log.LIVE and one["release"] == raw["release"]]
    entry, record = (lives or [{}])[-1], raw["record"]
    live_at = entry.get("at")
    return {
        "id": raw["release"],
        "ref": record.get("ref") or None,
        "commit": record.get("commit") or None,
        "dirty": bool(record.get("dirty")),
        "by": entry.get("by") or record.get("by") or None,
        "live_at": live_at,
        "live_seconds": _age(live_at, now) if live_at else None,
    }


def _slot(slot: Raw, raw: Raw) -> dict[str, Any]:
    name = slot["unit"].partition("@")[2].removesuffix(".service")
    return {
        "release": slot["release"],
        "state": slot["active_state"],
        "sub_state": slot["sub_state"],
        "boots": slot["enabled"],
        "since_seconds": slot["since_seconds"],
        "restarts": slot["restarts"],
        "port": (raw["record"].get("ports") or {}).get(name),
        "memory_bytes": slot["memory_pss_kilobytes"] * KILOBYTE,
        "processes": [_process(one) for one in slot["processes"]],
        "retry": _retry(slot.get("retry")),
    }


def _retry(one: Raw | None) -> dict[str, Any] | None:
    """Return what of a slot is started again and again, how often that was, and why; None where nothing is."""
    return None if one is None else {key: one.get(key) for key in ("what", "tries", "since", "reason")}


def _process(one: Raw) -> dict[str, Any]:
    return {
        "pid": one["pid"],
        "kind": one["kind"],
        "cpu_percent": one["cpu_percent"],
        "memory_bytes": one["memory_pss_kilobytes"] * KILOBYTE,
        "age_seconds": one["age_seconds"],
    }


def _workers(raw: Raw, live: Raw | None) -> dict[str, int | None]:
    """Return how many workers the live release wants, and how many there are.

    A lone one is the main process itself, unless the server has a manager beside it.
    """
    wanted, server = raw["record"].get("workers"), raw["record"].get("server")
    lone = wanted in (1, None) and not (server in SERVERS and SERVERS[server].always_manages)
    running = 0 if live is None else len(live["workers"]) or int(lone and bool(live["main_pid"]))
    return {"wanted": wanted, "running": running}


def _processes(extras: list[Raw]) -> list[dict[str, Any]]:
    """Return the processes and timers beside the server, without the services that timers start."""
    names = {one["unit"] for one in extras}
    return [
        {
            "unit": one["unit"],
            "kind": "timer" if one["unit"].endswith(".timer") else "process",
            "state": one["active_state"],
            "restarts": one["restarts"],
            "next_run_at": one["next_run_at"],
        }
        for one in extras
        if f"{one['unit'].removesuffix('.service')}.timer" not in names
    ]


def _machine(machine: Raw) -> dict[str, Any]:
    total, available = machine["memory_total_bytes"], machine["memory_available_bytes"]
    return {
        **machine,
        "memory_used_percent": round(100 * (total - available) / total, 1) if total else 0.0,
        "load_percent": round(100 * machine["load_15"] / machine["cores"], 1),
    }


def _disk(one: Raw) -> DiskObservation:
    """Return the data of a file system; without those that a host program of an earlier version does not report."""
    used = one["inodes_used_percent"]
    return {
        "path": one["path"],
        "total_bytes": one["total_bytes"],
        "free_bytes": one["free_bytes"],
        "used_percent": one["used_percent"],
        "inodes_used_percent": used,
        "free_inodes": one.get("free_inodes"),
        "free_inodes_percent": one.get("free_inodes_percent", None if used is None else 100 - used),
        "read_only": one.get("read_only", False),
        "largest": [],
    }


def _read(raw: Raw) -> Certificate | None:
    """Return what the certificate on the disk says; None when there is none, or none that could be read."""
    try:
        return reading.read(str(raw["certificate"]["pem"])) if raw["certificate"] else None
    except ValueError:
        return None


def _life(raw: Raw, read: Certificate, settings: Settings) -> CertificateLife:
    """Return the certificate's life. A host program of an earlier version does not tell in which folder it lies."""
    folder = str(raw["certificate"].get("folder") or "")
    provided = settings.tls == "files"
    return read.life(lifetime.source(provided=provided, self_signed=read.self_signed, folder=folder))


def _certificate(raw: Raw, settings: Settings, read: Certificate, life: CertificateLife, now: datetime) -> Raw:
    """Return what is known of the certificate."""
    renewal, ours = raw["renewal"], settings.tls == "acme"
    return {
        "names": list(read.names),
        "issuer": read.issuer,
        "self_signed": read.self_signed,
        "served": raw["certificate"]["served"],
        "not_before": _text(life.not_before),
        "not_after": _text(life.not_after),
        "remaining_days": round(life.days_left(now), 1),
        "remaining_percent": round(100 * (life.not_after - now) / (life.not_after - life.not_before), 1),
        "source": settings.tls,
        "renewal_due_at": _text(life.due) if ours else None,
        "renewal_overdue": life.is_short(now),
        "next_check_at": renewal["next_check_at"] if ours else None,
        "last_check_at": renewal["last_check_at"] if ours else None,
        "last_check_result": renewal["last_result"] if ours else None,
        "timer_active": renewal["timer_active"],
    }


def _last_deploy(raw: Raw, now: datetime) -> dict[str, Any] | None:
    entry = log.last(raw["log"])
    if entry is None:
        return None
    kind = log.kind(raw["log"], entry)
    first = kind == "deploy" and entry["release"] == raw["release"]
    steps = log.steps(
        raw["log"],
        made_at=raw["record"].get("created_at") if first else None,
        ended_at=_old_slot_ended(raw) if entry["event"] == log.LIVE else None,
    )
    return {
        "kind": kind,
        "outcome": entry["event"],
        "release": entry["release"],
        "at": entry["at"],
        "age_seconds": _age(entry["at"], now),
        "by": entry.get("by") or None,
        "reason": entry.get("reason") or None,
        "steps": steps,
        "seconds": log.seconds_between(steps[0]["began_at"], steps[-1]["ended_at"]) if steps else None,
    }


def _old_slot_ended(raw: Raw) -> str | None:
    """Return when the slot that is not live went down; None when it is up, or never was."""
    [other] = [slot for name, slot in raw["slots"].items() if name != raw["live"]]
    return other["last_word_at"] if other["active_state"] == "inactive" else None


def _age(moment: str, now: datetime) -> int:
    return max(int((now - datetime.fromisoformat(moment)).total_seconds()), 0)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

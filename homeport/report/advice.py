"""Advice on a host's status: what is wrong, and which settings could be better. Pure.

It goes by what the status has (homeport/cli/schemas/status.json) and looks no further; `homeport doctor` does. What
both know is judged by one rule, in `diagnosis`; here is what a status alone knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from homeport.certificates.lifetime import CertificateLife
from homeport.diagnosis import certificate, deploys, limits, machine, proxy
from homeport.diagnosis.application import fails
from homeport.diagnosis.finding import HINT, TROUBLE, WARNING, Finding
from homeport.diagnosis.limits import LEAST_USED_PERCENT
from homeport.probe.observations import DiskObservation
from homeport.report import usage
from homeport.report.findings import Advice
from homeport.settings import Settings

# A load average of a quarter of an hour says nothing of a machine that was up for less than several of them.
SETTLED_SECONDS = 3600
DOCTOR = "see: homeport doctor TARGET"
LOGS = "see: homeport logs TARGET"
RETRIED = {
    "migration": "the live release does not start, since its migration fails",
    "application": "the live release exits while it starts",
    "process": "the live release does not run",
}
# The status's word for a doctor's finding about a disk.
INODES = ("inodes_gone", "inodes_low")

Status = Mapping[str, Any]


@dataclass(frozen=True)
class Beyond:
    """What is known of a host beyond what its status publishes.

    `life` is that of the certificate (None: there is none), `timer_boots` whether what renews it is started at boot.
    """

    life: CertificateLife | None
    timer_boots: bool
    disks: list[DiskObservation]


def advice(found: Status, beyond: Beyond, settings: Settings) -> list[Advice]:
    """Return what there is to say of a host: each with a word for what it is about."""
    parts = (_serving(found), _certificate(found, beyond), _room(beyond.disks, settings), _use(found), _deploys(found))
    return [one for part in parts for one in part]


def _serving(found: Status) -> Iterator[Advice]:
    if found["release"] is None:
        yield "release", deploys.never_live()
        return
    slot, workers = found["slots"][found["slot"]], found["workers"]
    for one in deploys.of_maintenance(found["maintenance"]):
        yield "maintenance", one
    if not found["serving"] and (again := slot["retry"]):
        tries = _count(again["tries"], "try", "tries")
        text = f"{RETRIED[again['what']]} (tried again: {tries}): {again['reason']}"
        yield "slot", Finding("app_crash_loop", text, fix=DOCTOR)
    elif not found["serving"]:
        text = f"the live release does not run ({slot['state']}, {slot['sub_state']})"
        yield "slot", Finding("app_down", text, fix=DOCTOR)
    elif workers["wanted"] and workers["running"] < workers["wanted"]:
        text = f"{workers['running']} of {workers['wanted']} workers run"
        yield "workers", Finding("workers_missing", text, fix=DOCTOR, level=WARNING)
    if slot["restarts"]:
        times = "once" if slot["restarts"] == 1 else f"{slot['restarts']} times"
        text = f"the application died and was restarted {times}"
        yield "restarts", Finding("app_restarted", text, fix=LOGS, level=WARNING)
    for one in found["processes"]:
        if found["serving"] and (one["state"] != "active" or one["restarts"]):
            died = f"died {one['restarts']} times" if one["restarts"] else f"is {one['state']}"
            level = TROUBLE if fails(one["state"], "", one["restarts"]) else WARNING
            yield "processes", Finding("process_failed", f"{one['unit']} {died}", fix=LOGS, level=level)


def _certificate(found: Status, beyond: Beyond) -> Iterator[Advice]:
    read, life = found["certificate"], beyond.life
    if read is None or life is None:
        if found["release"]:
            yield "certificate", Finding("certificate_missing", "there is no certificate", fix=DOCTOR)
        return
    if life.is_valid(found["at"]) and not read["served"]:
        yield "certificate", proxy.certificate_not_served()
    else:
        for one in certificate.of_life(life, found["at"], read["issuer"]):
            yield "certificate", one
    if life.source == "provided":
        return
    is_on = read["timer_active"] and beyond.timer_boots
    for one in certificate.of_timer(is_on=is_on, evidence="inactive" if not read["timer_active"] else "not enabled"):
        yield "renewal", one
    if is_on and read["last_check_result"] not in (None, "", "success"):
        yield "renewal", certificate.failed_renewal(f"{read['last_check_result']} on {read['last_check_at']}")


def _room(disks: list[DiskObservation], settings: Settings) -> Iterator[Advice]:
    for disk in disks:
        for one in machine.of_disk(disk, settings.minimum_free_megabytes):
            yield "inodes" if one.id in INODES else "disk", one


def _use(found: Status) -> Iterator[Advice]:
    of_machine, workers = found["machine"], found["workers"]["wanted"] or 0
    memory, processors = of_machine["memory_used_percent"], of_machine["load_percent"]
    suited = suited_workers(found)
    available, total = of_machine["memory_available_bytes"] // 1024, of_machine["memory_total_bytes"] // 1024
    for one in machine.of_memory(available, total):
        yield "memory", one
    if limits.is_nearly_used_up(processors):
        more = f"set workers = {suited}, or " if workers < suited else ""
        load, cores = of_machine["load_15"], _count(of_machine["cores"], "core")
        text = f"{load:.1f} processes at a time wanted one of {cores}, in the last quarter of an hour"
        fix = f"{more}give the machine more cores, or add a machine"
        yield "processors", Finding("processors_busy", text, fix=fix, level=WARNING)
    elif workers and workers < suited:
        text = f"{_count(workers, 'worker')} cannot use all of {of_machine['cores']} cores"
        fix = f"set workers = {suited} if requests have to wait"
        yield "workers", Finding("workers_few", text, fix=fix, level=HINT)
    elif workers > 2 * of_machine["cores"]:
        text = f"{workers} workers share {_count(of_machine['cores'], 'core')}: they use memory and add no speed"
        yield "workers", Finding("workers_many", text, fix=f"set workers = {of_machine['cores']}", level=HINT)
    if usage.is_enough(found["week"]):
        yield from usage.of_machine(found["week"], of_machine["memory_total_bytes"])
        return
    settled = min(of_machine["uptime_seconds"], (found["release"] or {}).get("live_seconds") or 0) > SETTLED_SECONDS
    if settled and memory < LEAST_USED_PERCENT and processors < LEAST_USED_PERCENT:
        text = f"{processors:.0f} % of the processors and {memory:.0f} % of the memory are used"
        yield "size", Finding("machine_large", text, fix="a smaller machine would do", level=HINT)


def suited_workers(found: Status) -> int:
    """Return how many workers suit the machine: one a core (FastAPI's guide), as far as there is memory for them.

    Memory counts twice, since two slots run side by side during a switch. Without a worker to measure: as many as are.
    """
    machine, slot = found["machine"], found["slots"].get(found["slot"] or "")
    running, wanted = found["workers"]["running"], int(found["workers"]["wanted"] or 0)
    if not slot or not running or not slot["memory_bytes"]:
        return wanted
    each = slot["memory_bytes"] / running
    fitting = int((machine["memory_available_bytes"] + slot["memory_bytes"]) / 2 / each)
    return max(1, min(int(machine["cores"]), fitting))


def _deploys(found: Status) -> Iterator[Advice]:
    last = found["last_deploy"]
    if last and last["outcome"] == "failed":
        yield "deploy", deploys.of_failed({**last, "reason": last["reason"] or ""})
    for name, slot in found["slots"].items():
        if name not in (found["slot"], found["standby"]) and slot["state"] == "active":
            text = f"release {slot['release']} runs beside the live one: a deploy is running, or was killed"
            fix = "it is stopped by itself after half an hour"
            yield "slot", Finding("release_beside", text, fix=fix, level=HINT)
    for one in deploys.of_hold(found["hold"]):
        yield "hold", one
    for one in machine.of_reboot(required=found["machine"]["reboot_required"]):
        yield "reboot", one


def _count(number: int, noun: str, several: str = "") -> str:
    return f"1 {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"

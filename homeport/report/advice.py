"""What one would tell somebody who looks at a host's status: what is wrong, and what could be set better. Pure.

It goes by what the status has (homeport/cli/schemas/status.json) and looks no further; `homeport doctor` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from homeport.report import usage
from homeport.report.usage import LEAST_USED, MOST_USED

TROUBLE, WARNING, HINT = "trouble", "warning", "hint"
LEVELS = (TROUBLE, WARNING, HINT)
# A load average of a quarter of an hour says nothing of a machine that was up for less than several of them.
SETTLED_SECONDS = 3600
FULL_PERCENT = 90
DOCTOR = "see: homeport doctor"
RETRIED = {
    "migration": "the live release does not start, since its migration fails",
    "application": "the live release dies as it starts",
    "process": "the live release does not run",
}

Status = Mapping[str, Any]
Advice = Iterator[tuple[str, str, str, str]]


def advice(found: Status) -> list[dict[str, str]]:
    """Return what there is to say, the worst first: `level`, what it is `about`, the `text`, and how to `fix` it."""
    said = [*_serving(found), *_certificate(found), *_room(found), *_use(found), *_deploys(found)]
    said.sort(key=lambda one: LEVELS.index(one[0]))
    return [dict(zip(("level", "about", "text", "fix"), one, strict=True)) for one in said]


def _serving(found: Status) -> Advice:
    if found["release"] is None:
        yield TROUBLE, "release", "nothing was ever live here", "homeport deploy"
        return
    slot, workers = found["slots"][found["slot"]], found["workers"]
    if (closed := found["maintenance"]) is not None:
        why = f": {closed['message']}" if closed["message"] else ""
        text = f"visitors get the maintenance page, by {closed['by'] or 'somebody'} since {closed['since']}{why}"
        yield TROUBLE, "maintenance", text, "homeport maintenance off ends that"
    if not found["serving"] and (again := slot["retry"]):
        tries = _count(again["tries"], "try", "tries")
        yield TROUBLE, "slot", f"{RETRIED[again['what']]} (tried again: {tries}): {again['reason']}", DOCTOR
    elif not found["serving"]:
        yield TROUBLE, "slot", f"the live release does not run ({slot['state']}, {slot['sub_state']})", DOCTOR
    elif workers["wanted"] and workers["running"] < workers["wanted"]:
        yield WARNING, "workers", f"{workers['running']} of {workers['wanted']} workers run", DOCTOR
    if slot["restarts"]:
        times = "once" if slot["restarts"] == 1 else f"{slot['restarts']} times"
        yield WARNING, "restarts", f"the application died and was restarted {times}", "see: homeport logs"
    for one in found["processes"]:
        if found["serving"] and (one["state"] != "active" or one["restarts"]):
            died = f"died {one['restarts']} times" if one["restarts"] else f"is {one['state']}"
            yield WARNING, "processes", f"{one['unit']} {died}", "see: homeport logs"


def _certificate(found: Status) -> Advice:
    certificate = found["certificate"]
    if certificate is None:
        if found["release"]:
            yield TROUBLE, "certificate", "there is no certificate", DOCTOR
        return
    days, provided = certificate["remaining_days"], certificate["source"] == "files"
    mend = "bring a new one and deploy" if provided else DOCTOR
    if days <= 0:
        yield TROUBLE, "certificate", f"the certificate has run out on {certificate['not_after']}", mend
    elif not certificate["served"]:
        yield TROUBLE, "certificate", "the proxy does not serve the certificate on the disk", DOCTOR
    elif certificate["self_signed"] and not provided:
        yield WARNING, "certificate", "a self-signed placeholder is served: no browser trusts it", "deploy again"
    elif certificate["renewal_overdue"] and provided:
        yield WARNING, "certificate", f"the certificate runs out in {days:g} days", mend
    elif certificate["renewal_overdue"]:
        yield (
            WARNING,
            "certificate",
            f"due for renewal since {certificate['renewal_due_at'][:10]}, {days:g} days left",
            DOCTOR,
        )
    if not provided and not certificate["timer_active"]:
        yield WARNING, "renewal", "the timer that renews certificates is off", "deploy again"
    elif not provided and certificate["last_check_result"] not in (None, "success"):
        yield WARNING, "renewal", "the last look at the certificate's renewal failed", DOCTOR


def _room(found: Status) -> Advice:
    for disk in found["disks"]:
        if disk["used_percent"] >= FULL_PERCENT:
            yield WARNING, "disk", f"{disk['path']} is {disk['used_percent']:.0f} % full", DOCTOR
        if (disk["inodes_used_percent"] or 0) >= FULL_PERCENT:
            yield (
                WARNING,
                "inodes",
                f"{disk['path']} has used {disk['inodes_used_percent']:.0f} % of its inodes",
                DOCTOR,
            )


def _use(found: Status) -> Advice:
    machine, workers = found["machine"], found["workers"]["wanted"] or 0
    memory, processors = machine["memory_used_percent"], machine["load_percent"]
    suited = suited_workers(found)
    if memory > MOST_USED:
        fewer = f"set workers = {workers - 1}, or " if workers > 1 else ""
        yield WARNING, "memory", f"{memory:.0f} % of the memory is used", f"{fewer}give the machine more memory"
    if processors > MOST_USED:
        more = f"set workers = {suited}, or " if workers < suited else ""
        load, cores = machine["load_15"], _count(machine["cores"], "core")
        text = f"{load:.1f} processes wanted one of {cores} at a time, in the last quarter of an hour"
        yield WARNING, "processors", text, f"{more}give the machine more cores, or add a machine"
    elif workers and workers < suited:
        text = f"{_count(workers, 'worker')} cannot use all of {machine['cores']} cores"
        yield HINT, "workers", text, f"set workers = {suited} if requests have to wait"
    elif workers > 2 * machine["cores"]:
        text = f"{workers} workers share {_count(machine['cores'], 'core')}: they take memory and add no speed"
        yield HINT, "workers", text, f"set workers = {machine['cores']}"
    if usage.is_enough(found["week"]):
        yield from usage.of_machine(found["week"], machine["memory_total_bytes"])
        return
    settled = min(machine["uptime_seconds"], (found["release"] or {}).get("live_seconds") or 0) > SETTLED_SECONDS
    if settled and memory < LEAST_USED and processors < LEAST_USED:
        text = f"{processors:.0f} % of the processors and {memory:.0f} % of the memory are used"
        yield HINT, "size", text, "a smaller machine would do"


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


def _deploys(found: Status) -> Advice:
    last, hold = found["last_deploy"], found["hold"]
    if last and last["outcome"] == "failed":
        reason = f": {last['reason']}" if last["reason"] else ""
        yield WARNING, "deploy", f"the last {last['kind']} failed{reason}", "see: homeport logs --source deploys"
    for name, slot in found["slots"].items():
        if name not in (found["slot"], found["standby"]) and slot["state"] == "active":
            text = f"release {slot['release']} is up beside the live one: a deploy is at work, or was killed"
            yield HINT, "slot", text, "it is stopped by itself after half an hour"
    if hold is not None:
        why = f": {hold['message']}" if hold["message"] else ""
        yield HINT, "hold", f"deploys are held by {hold['by'] or 'somebody'}{why}", "homeport unlock ends that"
    if found["machine"]["reboot_required"]:
        yield HINT, "reboot", "an upgrade waits for a reboot", "homeport has reboot_time for that"


def _count(number: int, noun: str, several: str = "") -> str:
    return f"1 {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"

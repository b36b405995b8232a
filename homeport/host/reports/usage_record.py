"""`record-usage`: how much of the machine is used, hour by hour for a week, in one small file. A timer calls it.

Of what the kernel counts (processors, disks, network) the mean since the last look is taken, of memory and swap what is
in use at the moment. Nothing runs in between.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from ..system import atomic, resources, sampling
from ..system.layout import MachineLayout

HOUR_SECONDS = 3600
KEPT_HOURS = 7 * 24
# A look after a longer pause (a machine that was suspended) says nothing of an hour.
LONGEST_SECONDS = 1800.0
# Of /proc/diskstats (Linux, admin-guide/iostats.rst): the device's name, and for how many ms something was under way.
NAME, BUSY = 2, 12
# Parts of a disk, and what is no disk of its own: their time is another's as well.
PARTS = re.compile(r"(loop|ram|zram|dm-|md|sr|fd)\d+|(sd|vd|xvd|hd)[a-z]+\d+|(nvme\d+n\d+|mmcblk\d+)p\d+")
INSIDE = re.compile(r"(lo|veth.*|docker.*|br-.*|virbr.*|tun.*|tap.*|wg.*)")
Record = dict[str, Any]


class UsageSample(NamedTuple):
    """The counters at a moment (`at`, seconds since 1970) of one boot; bytes, milliseconds, ticks."""

    at: float
    boot: str
    busy_ticks: int
    all_ticks: int
    disks: dict[str, int]
    network_bytes: int
    memory_percent: float
    swap_bytes: int


def file(machine: MachineLayout) -> Path:
    """Return where the record is."""
    return machine.root / "var/lib/homeport/usage.json"


def read(machine: MachineLayout) -> Record:
    """Return the record; an empty one where there is none, or none that can be read."""
    try:
        found = json.loads(file(machine).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("hours"), list) else {}


def record(machine: MachineLayout) -> None:
    """Look, and write down what was used since the last look."""
    path = file(machine)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, json.dumps(added(read(machine), take_sample()), separators=(",", ":")).encode() + b"\n")


def take_sample(proc: Path = Path("/proc")) -> UsageSample:
    """Read the counters."""
    busy, total = sampling.parse_machine((proc / "stat").read_text())
    memory = resources.parse_memory((proc / "meminfo").read_text())
    size, available = memory.get("MemTotal", 0), memory.get("MemAvailable", memory.get("MemFree", 0))
    return UsageSample(
        at=time.time(),
        boot=(proc / "sys/kernel/random/boot_id").read_text().strip(),
        busy_ticks=busy,
        all_ticks=total,
        disks=parse_disks((proc / "diskstats").read_text()),
        network_bytes=parse_network((proc / "net/dev").read_text()),
        memory_percent=sampling.percent(size - available, size),
        swap_bytes=memory.get("SwapTotal", 0) - memory.get("SwapFree", 0),
    )


def parse_disks(text: str) -> dict[str, int]:
    """Return for how many milliseconds each disk was busy, by the text of /proc/diskstats."""
    rows = (line.split() for line in text.splitlines())
    return {row[NAME]: int(row[BUSY]) for row in rows if len(row) > BUSY and not PARTS.fullmatch(row[NAME])}


def parse_network(text: str) -> int:
    """Return the bytes that came and went over all links to the outside, by the text of /proc/net/dev."""
    rows = [line.replace(":", " ", 1).split() for line in text.splitlines()[2:]]
    return sum(int(row[1]) + int(row[9]) for row in rows if len(row) > 9 and not INSIDE.fullmatch(row[0]))


def added(kept: Record, now: UsageSample) -> Record:
    """Return the record with this look: its hour has one more, and hours of more than a week ago are gone. Pure."""
    last, began = kept.get("last") or {}, int(now.at // HOUR_SECONDS) * HOUR_SECONDS
    hours = [one for one in kept.get("hours", ()) if now.at - KEPT_HOURS * HOUR_SECONDS < one["at"] <= began]
    values = _values(last, now)
    if hours and hours[-1]["at"] == began:
        hours[-1] = _with_sample(hours[-1], values)
    else:
        hours.append(_with_sample({"at": began, "looks": 0, "used": {}}, values))
    return {"last": now._asdict(), "hours": hours}


def _values(last: Record, now: UsageSample) -> dict[str, float]:
    """Return the use since the last look; without the counters if they were reset or the look is long ago."""
    found = {"memory": now.memory_percent, "swap": float(now.swap_bytes)}
    seconds = now.at - last.get("at", 0.0)
    if last.get("boot") != now.boot or not 0 < seconds <= LONGEST_SECONDS:
        return found
    busy = [now.disks[name] - before for name, before in last["disks"].items() if name in now.disks]
    return {
        **found,
        "processors": sampling.percent(now.busy_ticks - last["busy_ticks"], now.all_ticks - last["all_ticks"]),
        "disk": min(sampling.percent(max(busy, default=0), seconds * 1000), 100.0),
        "network": max(now.network_bytes - last["network_bytes"], 0) / seconds,
    }


def _with_sample(hour: Record, values: dict[str, float]) -> Record:
    """Return an hour with one more look: for each value its sum, how many there were, and the highest."""
    used = dict(hour["used"])
    for name, value in values.items():
        total, looks, peak = used.get(name, (0.0, 0, 0.0))
        used[name] = [round(total + value, 1), looks + 1, round(max(peak, value), 1)]
    return {"at": hour["at"], "looks": hour["looks"] + 1, "used": used}

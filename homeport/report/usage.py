"""How the machines were used in the last week, and what follows for their number. Pure; sizes are bytes.

A peak is the highest mean of five minutes. When a machine is used well, diagnosis/limits.py says. How much a network
could carry no machine says for sure: its figures are shown, and nothing follows from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from homeport.diagnosis.finding import HINT, WARNING, Finding
from homeport.diagnosis.limits import LEAST_USED_PERCENT, MOST_USED_PERCENT
from homeport.report.findings import Advice

# Below it the figures are those of no whole day, whose busiest hour may be still to come.
ENOUGH_HOURS = 24
# With one machine fewer, the others must have room for a peak one and a half times as large as the week's.
ROOM = 1.5
# A healthy machine also has unused pages in swap.
LITTLE_SWAP = 64 * 2**20
NAMES = ("processors", "memory", "disk", "network")
Week = Mapping[str, Any]


def week(raw: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return means and peaks of a machine's record (`homeport.host.reports.usage_record`); None where there is none."""
    hours = [one for one in (raw or {}).get("hours", ()) if one["looks"]]
    if not hours:
        return None
    found: dict[str, Any] = {"since": _time(hours[0]["at"]), "hours": len(hours)}
    for name in NAMES:
        found[name] = _use([one["used"][name] for one in hours if name in one["used"]])
    peaks = [one["used"]["swap"][2] for one in hours if "swap" in one["used"]]
    return {**found, "swap_peak_bytes": int(max(peaks, default=0)), "fits": _fits(found)}


def _use(values: Sequence[Sequence[float]]) -> dict[str, float] | None:
    looks = sum(int(one[1]) for one in values)
    if not looks:
        return None
    return {"mean": round(sum(one[0] for one in values) / looks, 1), "peak": max(one[2] for one in values)}


def _fits(found: Week) -> float | None:
    """Return how many times the week's peak the machine could take, by what comes to its end first."""
    peaks = [found[name]["peak"] for name in ("processors", "disk") if found[name]]
    return round(min(100 / max(peak, 1.0) for peak in peaks), 1) if peaks else None


def is_enough(found: Week | None) -> bool:
    """Tell whether there are figures of a whole day at least."""
    return found is not None and found["hours"] >= ENOUGH_HOURS and found["processors"] is not None


def of_machine(found: Week, memory_total: int) -> Iterator[Advice]:
    """Yield what a machine's week says of its size."""
    processors, memory = found["processors"]["peak"], found["memory"]["peak"]
    if found["swap_peak_bytes"] > max(LITTLE_SWAP, memory_total // 20):
        swap = f"{found['swap_peak_bytes'] / 2**20:.0f} MB of swap were used as memory in the last week"
        fix = "set fewer workers, or give the machine more memory"
        yield "swap", Finding("memory_in_swap", f"{swap}, which is far slower", fix=fix, level=WARNING)
    disk = found["disk"]["peak"] if found["disk"] else 0.0
    if disk > MOST_USED_PERCENT:
        text = f"at the peak of the last week the busiest disk was at work for {disk:.0f} % of the time"
        yield "disk", Finding("disk_busy", text, fix="a faster disk, or one more machine", level=WARNING)
    if processors > MOST_USED_PERCENT or memory > MOST_USED_PERCENT:
        text = f"at its peaks of the last week the machine was used to {_share(processors, memory)}"
        yield "size", Finding("machine_small", text, fix="a larger machine, or one more", level=WARNING)
    elif processors < LEAST_USED_PERCENT and memory < LEAST_USED_PERCENT:
        text = f"in the last week no more than {_share(processors, memory)} was used"
        yield "size", Finding("machine_large", text, fix="a smaller machine would do", level=HINT)


def of_fleet(hosts: Sequence[Mapping[str, Any]]) -> Iterator[Advice]:
    """Yield what the weeks of an application's machines say of their number; nothing unless each has one."""
    weeks = [(one["week"], one["machine"]) for one in hosts if "error" not in one]
    if len(weeks) < 2 or len(weeks) < len(hosts) or not all(is_enough(found) for found, _ in weeks):
        return
    cores = [machine["cores"] for _, machine in weeks]
    sizes = [machine["memory_total_bytes"] for _, machine in weeks]
    # Peaks that need not have been at one time are added up: it is the worst that can be said.
    busy = sum(found["processors"]["peak"] * machine["cores"] for found, machine in weeks)
    memory = sum(found["memory"]["peak"] * machine["memory_total_bytes"] for found, machine in weeks)
    processors, used = busy / sum(cores), memory / sum(sizes)
    together = f"the {len(weeks)} machines together were used to {_share(processors, used)} at the week's peaks"
    if processors > MOST_USED_PERCENT or used > MOST_USED_PERCENT:
        yield "fleet", Finding("fleet_small", together, fix="add a machine", level=WARNING)
        return
    left = (busy / max(sum(cores) - max(cores), 1), memory / (sum(sizes) - max(sizes)))
    disks = sum(found["disk"]["peak"] for found, _ in weeks if found["disk"]) / (len(weeks) - 1)
    if max(*left, disks) * ROOM <= MOST_USED_PERCENT:
        alone = ", but then no machine is left to replace one that fails" if len(weeks) == 2 else ""
        larger = f"a peak {100 / max(*left, disks, 1.0):.1f} times as large fits"
        fits = f"with one fewer it would be {_share(*left)}, and {larger}"
        fix = f"one machine fewer would do{alone}"
        yield "fleet", Finding("fleet_large", f"{together}; {fits}", fix=fix, level=HINT)


def _share(processors: float, memory: float) -> str:
    return f"{processors:.0f} % of the processors and {memory:.0f} % of the memory"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

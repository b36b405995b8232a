"""RESULTS.md: what was measured, beside what it means and how it was done."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import serving_tables
from benchmarks.neighbours import ALONE, CASES
from benchmarks.peers.running import PEERS, versions
from benchmarks.results import FLEET_COUNTS, PLACES, ROUND_TRIP_SECONDS, Options, Results
from benchmarks.tables import RUN, ratio, seconds, table, versus

ROUND_TRIP = f"{ROUND_TRIP_SECONDS * 1000:.0f} ms"
ABOUT = Path(__file__).with_name("ABOUT.md")
PLACE_NAMES = dict(zip(PLACES, ("", f", {ROUND_TRIP} round trip"), strict=True))
PEER_NAMES = dict(zip(PEERS, ("plain pyinfra", "Ansible, pipelining", "Ansible with Mitogen"), strict=True))


def report(results: Results, options: Options, commit: str) -> str:
    """Return the whole document."""
    return "\n".join(
        [
            "# Results",
            "",
            "Written by `make bench`. Medians, with the least and the most of all rounds; a ratio compares runs of the",
            "same round, so that a busy machine spreads it less. What each row means stands below the tables.",
            "",
            *_machine(commit),
            *_ready(results),
            *_first(results, options),
            *_releases(results),
            *_none(results),
            *_peers(results),
            *_fleet(results),
            *_commands(results),
            *_profile(results),
            *serving_tables.tables(results),
            *_neighbours(results),
            *_problems(results),
            ABOUT.read_text().rstrip(),
            "",
        ]
    )


def _machine(commit: str) -> list[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = ", ".join(f"{name} {version(name)}" for name in ("homeport", "pyinfra", "paramiko"))
    load = os.getloadavg()[2]
    return table(
        ("machine", ""),
        [
            ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
            ("cores", f"{os.cpu_count()}, which controller and hosts share"),
            ("memory", f"{memory:.1f} GiB"),
            ("kernel", platform.release()),
            ("Python", platform.python_version()),
            ("versions", f"{names}, commit {commit}"),
            ("peers", versions() or "–"),
            ("hosts", "Debian 12 in systemd-nspawn, unless a row says otherwise"),
            ("load, average of the last 15 minutes", f"{load:.1f}"),
        ],
    )


def _ready(results: Results) -> list[str]:
    rows = [
        ("nspawn, from nothing to the first login", *seconds(results["ready nspawn"])),
        ("QEMU, cold boot to the first login", *seconds(results["ready qemu"])),
    ]
    return ["## A fresh host, ready for SSH", "", *table(("host", *RUN[1:]), rows)]


def _first(results: Results, options: Options) -> list[str]:
    name = f"{options.several} hosts at once, homeport"
    rows = [
        *versus(results, "first provision", "first homeport", "first floor"),
        (f"first provision of {name}", *seconds(results["first several seconds"]), ""),
    ]
    for text, key in (("1 host", "first homeport"), (f"{options.several} hosts", "first several")):
        if memory := results[f"{key} memory"]:
            spread = f"{memory.low:.0f}–{memory.high:.0f}"
            rows.append((f"peak memory, {text}", f"{memory.median:.0f} MB", spread, str(len(memory.values)), ""))
    return ["## First provision", "", *table((*RUN, "ratio to the floor"), rows)]


def _releases(results: Results) -> list[str]:
    rows: list[tuple[str, ...]] = []
    for place, where in PLACE_NAMES.items():
        rows += versus(results, f"code-only release{where}", f"release {place} homeport", f"release {place} floor")
    rows.append(("with the watch after the switch (5 s), homeport", *seconds(results["next homeport seconds"]), ""))
    for name, what in (
        ("rollback", "rollback, registries cut off"),
        ("standby", "rollback to a release that is kept up"),
    ):
        rows.append((f"{what}: it answers", *seconds(results[f"{name} answers"]), ""))
        rows.append((f"{what}: the command ends", *seconds(results[f"{name} homeport seconds"]), ""))
    return ["## Releases and the way back", "", *table((*RUN, "ratio to the floor"), rows)]


def _none(results: Results) -> list[str]:
    rows: list[tuple[str, ...]] = []
    for place, where in PLACE_NAMES.items():
        rows += versus(results, f"no change{where}", f"none {place} homeport", f"none {place} floor")
        ours, floor = results[f"none {place} homeport seconds"], results[f"none {place} floor as paramiko seconds"]
        if ours and floor:
            text = f"no change{where}, floor with paramiko's key exchange"
            rows.append((text, *seconds(floor), f"homeport to it: {ratio(ours, floor)}"))
    rows += [
        ("pyinfra alone, `true`", *seconds(results["none near pyinfra alone seconds"]), ""),
        ("controller's CPU time, homeport", *seconds(results["none near homeport cpu"]), ""),
        ("controller's CPU time, pyinfra alone", *seconds(results["none near pyinfra alone cpu"]), ""),
        ("controller's CPU time, floor", *seconds(results["none near floor cpu"]), ""),
    ]
    return ["## No change", "", *table((*RUN, "ratio to the floor"), rows)]


def _peers(results: Results) -> list[str]:
    """Return the table of the peers, each with its ratio to homeport in the same rounds; empty when none was run."""
    rows = []
    for place, where in PLACE_NAMES.items():
        ours = results[f"none {place} homeport seconds"]
        for name, text in PEER_NAMES.items():
            run, processor = results[f"none {place} {name} seconds"], results[f"none {place} {name} cpu"]
            if run and processor:
                rows.append((f"{text}{where}", *seconds(run), ratio(run, ours), f"{processor.median:.1f} s"))
    if not rows:
        return []
    operations = f"No change, beside the peers: {results.counts.get('plan', 0)} operations"
    return [f"## {operations}", "", *table((*RUN, "times homeport's", "controller's CPU time"), rows)]


def _fleet(results: Results) -> list[str]:
    """Return the table of many hosts: ratios to one host in the same round; empty when it was not measured."""
    one = {who: results[f"fleet {FLEET_COUNTS[0]} {who} seconds"] for who in ("homeport", "floor")}
    rows = []
    for count in FLEET_COUNTS:
        ours, floor = (results[f"fleet {count} {who} seconds"] for who in one)
        processor, memory = results[f"fleet {count} homeport cpu"], results[f"fleet {count} homeport memory"]
        least = results[f"fleet {FLEET_COUNTS[0]} homeport memory"]
        if not (ours and floor and processor and memory and least):
            continue
        more = (memory.median - least.median) / max(count - 1, 1)
        rows.append(
            (
                str(count),
                *seconds(ours)[:2],
                ratio(ours, one["homeport"]),
                seconds(floor)[0],
                ratio(floor, one["floor"]),
                ratio(ours, floor),
                *_recorded(results, count),
                f"{processor.median / count:.2f} s",
                f"{memory.median:.0f} MB",
                f"{more:.2f} MB" if count > 1 else "–",
            )
        )
    head = ("hosts", "homeport", "min–max", "to 1 host", "floor", "to 1 host", "homeport to floor")
    recorded = ("hosts that answer from a record", "to 1 host")
    controller = ("controller's CPU time a host", "peak memory", "for one more")
    there = results["fleet reading cpu"]
    text = [f"To read a host takes {there.median:.2f} s of its processor, without the login.", ""] if there else []
    return ["## Many hosts, no change", "", *table((*head, *recorded, *controller), rows), *text] if rows else []


def _recorded(results: Results, count: int) -> tuple[str, str]:
    """Return what a run against so many hosts takes that answer what was recorded, and its ratio to one such host."""
    ours, one = (results[f"fleet {number} recorded seconds"] for number in (count, FLEET_COUNTS[0]))
    return (seconds(ours)[0], ratio(ours, one)) if ours and one else ("–", "–")


def _commands(results: Results) -> list[str]:
    names = {"first": "first provision", "next": "next release (code only)", "none": "no change"}
    rows = [(f"{text}, homeport", str(results.counts.get(key, "–"))) for key, text in names.items()]
    for peer, text in PEER_NAMES.items():
        rows.append((f"no change, {text}", str(results.counts.get(f"none {peer}", "–"))))
    return ["## SSH commands per run and host", "", *table(("run", "commands"), [*rows, ("the floor, each", "1")])]


def _profile(results: Results) -> list[str]:
    """Return the table of where a run's time goes; empty when there is no profile."""
    whole = sum(results.profile.values())
    rows = [(name, f"{spent:.2f} s", f"{spent / whole:.0%}") for name, spent in results.profile.items()]
    head = ("a run that changes nothing, under py-spy", "seconds", "share")
    return ["## Where the time goes", "", *table(head, rows)] if rows else []


def _neighbours(results: Results) -> list[str]:
    """Return the table of an application beside one that burns all processors; empty when it was not measured."""
    rows = []
    alone = results[f"neighbours {ALONE} p99"]
    for case in CASES:
        rate, p99 = results[f"neighbours {case} per second"], results[f"neighbours {case} p99"]
        if rate and p99 and alone:
            times = f"{p99.median:.1f} ms ({p99.low:.1f}–{p99.high:.1f})"
            rows.append((case, f"{rate.median:.0f}", times, ratio(p99, alone) if case != ALONE else ""))
    head = ("two applications on one machine", "answers a second", "99 of 100 within", "times what it is alone")
    return ["## Beside a neighbour", "", *table(head, rows)] if rows else []


def _problems(results: Results) -> list[str]:
    if not results.problems:
        return []
    return ["## Not measured", "", *(f"- {problem}" for problem in results.problems), ""]

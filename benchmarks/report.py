"""RESULTS.md: what was measured, beside what it means and how it was done."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import Series
from benchmarks.serving import ROWS, TARGETS
from benchmarks.suite import ROUND_TRIP_SECONDS, Options, Results

ROUND_TRIP = f"{ROUND_TRIP_SECONDS * 1000:.0f} ms"
ABOUT = Path(__file__).with_name("ABOUT.md")


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
            *_first(results),
            *_none(results),
            *_commands(results),
            *_memory(results, options),
            *_serving(results),
            *_problems(results),
            ABOUT.read_text().rstrip(),
            "",
        ]
    )


def _machine(commit: str) -> list[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = ", ".join(f"{name} {version(name)}" for name in ("homeport", "pyinfra", "paramiko"))
    load = os.getloadavg()[2]
    return _table(
        ("machine", ""),
        [
            ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
            ("cores", f"{os.cpu_count()}"),
            ("memory", f"{memory:.1f} GiB"),
            ("kernel", platform.release()),
            ("Python", platform.python_version()),
            ("versions", f"{names}, commit {commit}"),
            ("hosts", "Debian 12 in systemd-nspawn, unless a row says otherwise"),
            ("load, average of the last 15 minutes", f"{load:.1f}"),
        ],
    )


def _ready(results: Results) -> list[str]:
    rows = [
        ("nspawn, from nothing to the first login", *_seconds(results["ready nspawn"])),
        ("QEMU, cold boot to the first login", *_seconds(results["ready qemu"])),
    ]
    return ["## A fresh host, ready for SSH", "", *_table(("host", "median", "min–max", "rounds"), rows)]


def _first(results: Results) -> list[str]:
    rows = _versus(results, "first provision", "first homeport", "first floor")
    rows.append(("next release, homeport (code only)", *_seconds(results["next homeport seconds"]), ""))
    for name, what in (
        ("rollback", "rollback, registries cut off"),
        ("standby", "rollback to a release that is kept up"),
    ):
        rows.append((f"{what}: it answers", *_seconds(results[f"{name} answers"]), ""))
        rows.append((f"{what}: the command ends", *_seconds(results[f"{name} homeport seconds"]), ""))
    return [
        "## First provision, next release, rollback",
        "",
        *_table(("run", "median", "min–max", "rounds", "ratio to the floor"), rows),
    ]


def _none(results: Results) -> list[str]:
    rows = [
        *_versus(results, "no change", "none near homeport", "none near floor"),
        *_versus(results, f"no change, {ROUND_TRIP} round trip", "none far homeport", "none far floor"),
        ("pyinfra alone, `true`", *_seconds(results["none near pyinfra seconds"]), ""),
        ("controller's CPU time, homeport", *_seconds(results["none near homeport cpu"]), ""),
        ("controller's CPU time, pyinfra alone", *_seconds(results["none near pyinfra cpu"]), ""),
        ("controller's CPU time, floor", *_seconds(results["none near floor cpu"]), ""),
    ]
    return ["## No change", "", *_table(("run", "median", "min–max", "rounds", "ratio to the floor"), rows)]


def _commands(results: Results) -> list[str]:
    names = {"first": "first provision", "next": "next release (code only)", "none": "no change"}
    rows = [(text, str(results.counts.get(key, "–"))) for key, text in names.items()]
    return ["## SSH commands per run and host", "", *_table(("run", "homeport"), [*rows, ("the floor, each", "1")])]


def _memory(results: Results, options: Options) -> list[str]:
    rows = []
    for text, name in (
        ("first provision, 1 host", "first homeport"),
        ("no change, 1 host", "none near homeport"),
        (f"first provision, {options.fleet} hosts at once", "first fleet"),
        (f"no change, {options.fleet} hosts at once", "none fleet"),
    ):
        memory, seconds = results[f"{name} memory"], results[f"{name} seconds"]
        rows.append((text, f"{memory.median:.0f} MB" if memory else "–", *_seconds(seconds)))
    head = ("run", "peak memory", "seconds, median", "min–max", "rounds")
    return ["## The controller's memory, and several hosts", "", *_table(head, rows)]


def _serving(results: Results) -> list[str]:
    """Return the table of loads: each target's answers a second as a share of homeport's in the same round, and p99."""
    rows = []
    for row in ROWS:
        ours = results[f"{row.name} homeport per second"]
        for target in TARGETS:
            rate, p99 = results[f"{row.name} {target} per second"], results[f"{row.name} {target} p99"]
            if not (ours and rate and p99) or len(ours.values) != len(rate.values):
                continue
            share = rate.over(ours)
            spread = f"**{share.median:.2f}** ({share.low:.2f}–{share.high:.2f})"
            times = f"{p99.median:.1f} ms ({p99.low:.1f}–{p99.high:.1f})"
            rows.append((row.name, target, f"{rate.median:.0f}", spread, times))
    head = ("load", "through", "answers a second", "of homeport's", "99 of 100 within")
    return ["## Serving over TLS", "", *_table(head, rows)] if rows else []


def _problems(results: Results) -> list[str]:
    if not results.problems:
        return []
    return ["## Not measured", "", *(f"- {problem}" for problem in results.problems), ""]


def _versus(results: Results, text: str, ours: str, theirs: str) -> list[tuple[str, ...]]:
    """Return two rows: homeport's with its ratio, and the floor's."""
    mine, floor = results[f"{ours} seconds"], results[f"{theirs} seconds"]
    ratio = "–"
    if mine and floor and len(mine.values) == len(floor.values):
        each = mine.over(floor)
        ratio = f"**{each.median:.2f}** ({each.low:.2f}–{each.high:.2f})"
    return [(f"{text}, homeport", *_seconds(mine), ratio), (f"{text}, floor", *_seconds(floor), "1")]


def _seconds(series: Series | None) -> tuple[str, str, str]:
    if series is None:
        return ("–", "–", "0")
    return (f"{series.median:.2f} s", f"{series.low:.2f}–{series.high:.2f}", str(len(series.values)))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]

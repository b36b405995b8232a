"""What is measured, in which order: parts that stand alone, so that some of them can be run by themselves.

Rounds of homeport and of what it is compared with follow each other, so that all meet the same machine in the same
mood.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks import fleet, neighbours, nochange, profiling, provisioning, releases, serving
from benchmarks.bench import HOST, Bench
from benchmarks.results import Options, Results
from benchmarks.stage import Stage


def _serving(bench: Bench) -> None:
    if not bench.options.loads:
        return
    bench.stage.remove(HOST)
    bench.forget()
    hosts = serving.prepared(bench.stage)
    for one in serving.measured(bench.stage, hosts, bench.options.loads):
        bench.results.add(f"{one.row} {one.target} per second", one.per_second)
        bench.results.add(f"{one.row} {one.target} p99", one.p99_milliseconds)
        bench.say(f"{one.row}: {one.target} {one.per_second:.0f}/s, p99 {one.p99_milliseconds:.1f} ms")
    for name in {host.name for host in hosts.values()}:
        bench.stage.remove(name)


def _neighbours(bench: Bench) -> None:
    if not bench.options.loads:
        return
    bench.stage.remove(HOST)
    bench.forget()
    there = neighbours.prepared(bench.stage)
    for one in neighbours.measured(there, bench.options.loads):
        bench.results.add(f"neighbours {one.case} per second", one.per_second)
        bench.results.add(f"neighbours {one.case} p99", one.p99_milliseconds)
        bench.say(f"{one.case}: {one.per_second:.0f}/s, p99 {one.p99_milliseconds:.1f} ms")
    bench.stage.remove(there.host.name)


# What needs a provisioned host stands together; the way back leaves it cut off, so it is the last of them.
PARTS: dict[str, tuple[str, Callable[[Bench], None]]] = {
    "machines": ("fresh hosts", provisioning.machines),
    "several": ("several hosts", provisioning.several),
    "nochange": ("no change", nochange.measured),
    "profile": ("profile", profiling.measured),
    "next": ("next release", releases.by_default),
    "release": ("release beside its floor", releases.beside_floor),
    "rollback": ("rollback", releases.rollback),
    "compare": ("the floor's end state", provisioning.compare),
    "first": ("first provision", provisioning.first),
    "fleet": ("many hosts", fleet.measured),
    "serving": ("serving", _serving),
    "neighbours": ("two applications", _neighbours),
}


def measure(stage: Stage, options: Options) -> Results:
    """Measure the parts that are asked for (all, unless some are named); one that fails is noted, others go on."""
    bench = Bench(stage, options)
    for name, (title, part) in PARTS.items():
        if not options.only or name in options.only:
            bench.part(title, partial(part, bench))
    return bench.results

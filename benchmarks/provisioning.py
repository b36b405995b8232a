"""Fresh hosts: how soon they are there, and what the first provision takes beside the floor's, of one and of more."""

from __future__ import annotations

from benchmarks import floor
from benchmarks.bench import HOST, Bench, unchanged

LEAST_ROUNDS = 3


def machines(bench: Bench) -> None:
    """Make hosts, one after the other."""
    for _ in range(bench.options.repeats):
        bench.fresh()
    if bench.options.qemu:
        bench.fresh("qemu", "qemu")
        bench.stage.remove("qemu")


def first(bench: Bench) -> None:
    """Provision fresh hosts, homeport and the floor in turns; who goes first changes with the round."""
    bench.floor()
    for number in bench.rounds(bench.options.rounds, least=LEAST_ROUNDS):
        for who in ("homeport", "floor") if number % 2 == 0 else ("floor", "homeport"):
            _once(bench, who, f"first provision {number + 1}")


def _once(bench: Bench, who: str, name: str) -> None:
    plain, host = bench.floor(), bench.fresh()
    run = bench.stage.pyinfra([host]) if who == "homeport" else floor.provision(bench.stage, host, plain)
    bench.stage.check(host)
    bench.results.note(f"first {who}", run)
    bench.say(f"{name}: {who} {run.seconds:.1f} s")


def compare(bench: Bench) -> None:
    """Let homeport look at a host that the floor has provisioned: it must find nothing to do."""
    plain, host = bench.floor(), bench.fresh()
    floor.provision(bench.stage, host, plain)
    bench.stage.check(host)
    unchanged(bench.stage.pyinfra([host]))
    bench.say("homeport finds nothing to change on the floor's host")


def several(bench: Bench) -> None:
    """Provision several hosts at once: the controller's memory grows with them. Fills the caches."""
    stage = bench.stage
    if bench.options.several < 2:
        return
    stage.remove(HOST)
    hosts = [bench.fresh(f"several{number}") for number in range(1, bench.options.several + 1)]
    # One worker each, and patience: they all start at the same time, on one machine.
    run = stage.pyinfra(hosts, "--data", "workers=1", "--data", "health_timeout_seconds=300")
    bench.results.note("first several", run)
    for host in hosts:
        stage.check(host)
    bench.say(f"first provision of {len(hosts)} hosts at once: {run.seconds:.1f} s")
    stage.remove(*(host.name for host in hosts))

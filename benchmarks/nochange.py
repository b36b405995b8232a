"""Runs that change nothing: homeport, the floor, and the peers, on the same host in the same round, near and far."""

from __future__ import annotations

from functools import partial

from benchmarks import sessions
from benchmarks.bench import Bench, unchanged
from benchmarks.peers.plan import read_plan
from benchmarks.peers.running import PEERS, Peers
from benchmarks.results import PLACES
from benchmarks.stage import AS_PARAMIKO, reached
from homeport.lab import LabHost


def measured(bench: Bench) -> None:
    """Measure runs without changes; the first rounds have the peers in them as well."""
    host, peers = bench.provisioned(), None
    command = sessions.recorded(bench.stage, host)
    if bench.options.peers:
        peers = Peers(bench.stage, read_plan(bench.stage, host, bench.stage.folder / "plan"))
        bench.results.counts["plan"] = peers.plan.operations
        for name in PEERS:
            # Not timed: what each keeps between runs is there afterwards.
            bench.results.counts[f"none {name}"] = sessions.count(bench.stage, host, partial(peers.run, name, host))
    for number in bench.rounds(bench.options.repeats):
        for place, where in bench.places(host):
            _round(bench, host, place, where, command)
            if peers and number < bench.options.peers:
                _peers(bench, peers, place, where)


def _round(bench: Bench, host: LabHost, place: str, where: LabHost, command: str) -> None:
    stage, results = bench.stage, bench.results
    ours = unchanged(stage.pyinfra([host], *reached(where)))
    results.note(f"none {place} homeport", ours)
    if place == PLACES[0]:
        results.note("none near pyinfra alone", stage.pyinfra_alone(host))
    theirs = stage.ssh(where, command)
    results.note(f"none {place} floor", theirs)
    results.note(f"none {place} floor as paramiko", stage.ssh(where, command, *AS_PARAMIKO))
    bench.say(f"no change, {place}: homeport {ours.seconds:.2f} s, floor {theirs.seconds:.2f} s")


def _peers(bench: Bench, peers: Peers, place: str, where: LabHost) -> None:
    for name in PEERS:
        run = peers.run(name, where)
        bench.results.note(f"none {place} {name}", run)
        bench.say(f"no change, {place}: {name} {run.seconds:.1f} s")

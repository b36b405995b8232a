"""Releases: code only, beside the floor of `release.sh`; the way back, with the registries cut off."""

from __future__ import annotations

import secrets
import shlex
import tarfile
from pathlib import Path

from benchmarks import sessions
from benchmarks.bench import Bench, unchanged
from benchmarks.floor import APP, save
from benchmarks.measure import BenchmarkError, Finished
from benchmarks.stage import reached
from homeport.lab import LabHost

SCRIPT = Path(__file__).with_name("release.sh")
ROLLBACKS = 3
PORTS = {"blue": 8001, "green": 8002}
# The floor does not watch a release after the switch, and removes no old one: so homeport does neither, then.
ALIKE = ("--data", "watch_seconds=0", "--data", "keep_releases=100")


def by_default(bench: Bench) -> None:
    """Release another commit with the settings that everybody has, and count the SSH commands."""
    stage, host = bench.stage, bench.provisioned()
    _commit(bench)
    runs: list[Finished] = []
    bench.results.counts["next"] = sessions.count(stage, host, lambda: runs.append(stage.pyinfra([host])))
    bench.results.note("next homeport", runs[0])
    stage.check(host)


def beside_floor(bench: Bench) -> None:
    """Release the same commit twice, by homeport and, after the way back, by the floor, near and far."""
    stage, host = bench.stage, bench.provisioned()
    stage.pyinfra([host], *ALIKE)
    for number in bench.rounds(bench.options.releases):
        for place, where in bench.places(host):
            before = stage.releases(host)[0]
            _commit(bench)
            ours = stage.pyinfra([host], *reached(where), *ALIKE)
            stage.check(host)
            theirs = _floor(bench, host, where, before)
            bench.results.note(f"release {place} homeport", ours)
            bench.results.note(f"release {place} floor", theirs)
            bench.say(f"release {number + 1}, {place}: homeport {ours.seconds:.2f} s, floor {theirs.seconds:.2f} s")


def _floor(bench: Bench, host: LabHost, where: LabHost, before: str) -> Finished:
    """Go back to the release `before`, and let the floor make live what homeport had made live."""
    stage = bench.stage
    live = stage.releases(host)[0]
    slot = _slot(bench, host, live)
    payload = _payload(bench, host, live, slot)
    _go_back(bench, host, before)
    stage.settle(host)
    stage.ssh(host, f"sudo rm -rf /srv/{APP}/releases/{live} /etc/homeport/{APP}/releases/{live}")
    old = next(name for name in PORTS if name != slot)
    words = shlex.join(["sh", "./release.sh", APP, live, slot, old, str(PORTS[old])])
    # One archive has both: the script is its first member, and reads the other as its input.
    inner = f"cd $(mktemp -d) && tar -xzf - && exec {words} <files.tar.gz"
    done = stage.ssh(where, f"sudo sh -c {shlex.quote(inner)}", stdin=payload)
    stage.check(host)
    unchanged(stage.pyinfra([host], *ALIKE))
    return done


def _slot(bench: Bench, host: LabHost, release: str) -> str:
    """Return the slot that has the release; raise BenchmarkError when none has."""
    for slot in PORTS:
        target = bench.stage.ssh(host, f"sudo readlink /srv/{APP}/slots/{slot} || true").output.strip()
        if target.endswith(f"/{release}"):
            return slot
    raise BenchmarkError(f"{host.name}: no slot has the release {release}")


def _payload(bench: Bench, host: LabHost, release: str, slot: str) -> Path:
    """Take the release's files from a host that has it; return the archive that the floor sends."""
    units = [f"etc/systemd/system/{APP}{kind}@{slot}.service" for kind in ("", "-migrate")]
    paths = [f"srv/{APP}/releases/{release}", f"etc/homeport/{APP}/releases/{release}", *units]
    tar = shlex.join(["tar", "-C", "/", "-czf", "-", "--exclude=__pycache__", "--exclude=migration.log", *paths])
    files, payload = bench.stage.folder / "files.tar.gz", bench.stage.folder / "release.tar.gz"
    save(bench.stage, host, f"sudo {tar}", files)
    with tarfile.open(payload, "w:gz", compresslevel=1) as archive:
        archive.add(SCRIPT, SCRIPT.name)
        archive.add(files, files.name)
    return payload


def _commit(bench: Bench) -> None:
    bench.stage.project.write("benchmark.txt", f"{secrets.token_hex()}\n")


def _go_back(bench: Bench, host: LabHost, release: str) -> Finished:
    return bench.stage.pyinfra([host], "--data", f"release={release}", "--data", "accept_migrations=true")


def rollback(bench: Bench) -> None:
    """Go back to the release before, and forth again, while the host can open no connection to anywhere.

    At the end once more to a release that is kept running. The host is of no use to others afterwards.
    """
    stage, host = bench.stage, bench.provisioned()
    if len(stage.releases(host)) < 2:
        by_default(bench)
    stage.cut_off(host)
    there, back = stage.releases(host)[:2]
    for release in (back, there) * ROLLBACKS:
        _timed_way_back(bench, host, release, "rollback")
    for _ in range(ROLLBACKS):
        _commit(bench)
        stage.pyinfra([host], "--data", "standby=true")
        _timed_way_back(bench, host, stage.releases(host)[1], "standby")
    stage.check(host)
    bench.forget()


def _timed_way_back(bench: Bench, host: LabHost, release: str, name: str) -> None:
    bench.stage.settle(host)
    with bench.stage.awaited(host, release) as answers:
        run = _go_back(bench, host, release)
    bench.results.note(f"{name} homeport", run)
    bench.results.add(f"{name} answers", answers[0])
    bench.say(f"{name}: {answers[0]:.1f} s to the answer, {run.seconds:.1f} s in all")

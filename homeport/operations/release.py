"""The release's phases: upload, dependencies, start in the idle slot, switch, prune; at most one command each."""

from __future__ import annotations

import gzip
from collections.abc import Generator, Iterator, Mapping

from pyinfra.api import StringCommand, operation

from homeport.comparison import compare, environment, release_files
from homeport.facts.contents import ContentsFact
from homeport.operations.command import command_line, encoded, packed, program, script, work
from homeport.operations.deploy_run import Run
from homeport.operations.diff import show_release_diff
from homeport.operations.lock import locks_of
from homeport.operations.outbound import fetching
from homeport.service.environment import install_environment
from homeport.source import Present
from homeport.source.state_places import state_places
from homeport.state.changes import Change
from homeport.state.paths import HOST_PROGRAM, AppPaths

Commands = Generator[StringCommand, None, None]
# Unpacked size of a release from which on the host is asked what it has of it.
ASK_KILOBYTES = 1024
NO_RELEASE = "this machine runs no release"


@operation()
def upload(run: Run) -> Commands:
    """Put the release on the host, whole or not at all."""
    changes, release = run.changes(lambda: release_files.release_changes(run.wanted, run.found)), run.wanted.release
    if run.announce(changes, otherwise="the release is on the host" if release else NO_RELEASE) and release:
        show_release_diff(run)
        etc = packed((file.path.rpartition("/")[2], file) for file in release.etc)
        base, present = _present(run)
        archive = run.source.archive(present)
        state = state_places(run.settings, run.source)
        same = encoded(gzip.compress("\0".join(archive.same).encode(), mtime=0))
        yield script(
            *("release", run.wanted.app, release.id, release.dependencies, base, str(archive.time)),
            *(*(f"{path}/" for path in state.folders), *state.files),
            payload=f"{etc}\n{same}\n{encoded(archive.data)}\n",
        )


def _present(run: Run) -> tuple[str, Present]:
    """Return the live release and its files, of which the new one takes what is the same; ("", none) for a small one.

    To ask takes as long as to send a few hundred kilobytes.
    """
    live = run.found.live_release
    if run.source.disk_kilobytes < ASK_KILOBYTES or live not in run.found.releases:
        return "", frozenset()
    present = run.host.get_fact(ContentsFact, run.wanted.app, live, _ignore_errors=True, _sudo=run.sudo)
    return (live, present) if present else ("", frozenset())


@operation()
def dependencies(run: Run) -> Commands:
    """Install the release's dependencies, unless an environment for the same lock is there."""
    changes, release = run.changes(lambda: environment.dependency_changes(run.wanted, run.found)), run.wanted.release
    if run.announce(changes, otherwise="the environment for this lock is there" if release else NO_RELEASE) and release:
        for warning in run.source.warnings:
            run.host.log(f"  warning: {warning}")
        python = run.settings.python_version or ""
        variables = install_environment(AppPaths(run.wanted.app).environment(release.dependencies))
        uv = ("env", *(f"{name}={value}" for name, value in variables.items()), "uv")
        installs = [command_line((*uv, *words)) for words in run.source.dependencies.install]
        server, owner = run.settings.server, run.settings.preview.of if run.settings.preview else ""
        words = ("dependencies", run.wanted.app, release.id, release.dependencies, python, server, owner, *installs)
        yield fetching(run.settings, *words, payload="".join((*_lines(run.install_secrets), "\n")))


def _lines(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each variable, its value encoded: it may have any character but a zero byte."""
    for name, value in variables.items():
        yield f"{name} {encoded(value.encode())}\n"


@operation()
def start_first(run: Run) -> Commands:
    """Start the release on the machine that migrates, before any other starts it."""
    if run.wanted.release and run.wanted.release.migrates:
        yield from _start(run)
    else:
        run.host.noop("it does not migrate here")


@operation()
def start(run: Run) -> Commands:
    """Start the release where it does not migrate: everywhere, when it has no migration."""
    if run.wanted.release and run.wanted.release.migrates:
        run.host.noop("it was started first")
    else:
        yield from _start(run)


def _start(run: Run) -> Commands:
    """Start the release in the idle slot: migration first, then the health gate. The live slot is not touched.

    If there is no other machine to wait for, the switch follows in the same command.
    """
    changes = run.changes(lambda: _start_changes(run))
    run.has_switched = bool(changes) and run.switches_at_once
    if run.announce(changes, otherwise="the release is live" if run.wanted.release else NO_RELEASE):
        commit = ("--commit", locks_of(run.host.state).mark) if run.has_switched else ()
        options = (*commit, *_again(run), *run.caller_options)
        yield work("start", run.wanted.app, "--release", run.wanted.release_id, *options)


def _again(run: Run) -> tuple[str, ...]:
    """Return the option for a release that is live already, and goes to the other slot with its new environment."""
    return ("--again",) if environment.starts_again(run.wanted, run.found) else ()


def _start_changes(run: Run) -> tuple[Change, ...]:
    start = compare.start_changes(run.wanted, run.found)
    return (*start, *compare.switch_changes(run.wanted, run.found)) if start and run.switches_at_once else start


@operation()
def switch(run: Run) -> Commands:
    """Send requests to the release, let the old slot finish its own, and stop it."""
    if run.has_switched:
        run.host.noop("the start includes it")
        return
    changes = run.changes(lambda: compare.switch_changes(run.wanted, run.found))
    if run.announce(changes, otherwise="the release is live" if run.wanted.release else NO_RELEASE):
        options = (*_again(run), *run.caller_options)
        yield work("commit", run.wanted.app, "--release", run.wanted.release_id, *options)


@operation()
def prune(run: Run) -> Commands:
    """Remove old releases, and environments that no release has any more."""
    changes = run.changes(lambda: compare.prune_changes(run.found))
    if run.announce(changes, otherwise="there is nothing to remove"):
        pins = (word for release in run.wanted.pinned_releases for word in ("--pin", release))
        keep = str(run.wanted.keep_releases)
        yield program(HOST_PROGRAM, "prune", "--app", run.wanted.app, "--keep", keep, *pins, *run.work_wait_options)

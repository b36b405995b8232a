"""Runs pyinfra for a command that changes hosts, the same way for all: a plan; live progress, a question, a summary.

pyinfra's own output is shown only when there is no other.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import click

from homeport.cli import plan_view, summary
from homeport.cli.display import PlainDisplay, display_of
from homeport.cli.progress import HostProgress, Progress
from homeport.cli.pyinfra_run import Event, PyinfraProcess, interruptible
from homeport.controller import identity
from homeport.errors import EXIT_CHANGES, EXIT_INTERRUPTED, HomeportError, UsageError


def _table(progress: Progress) -> Iterator[str]:
    return plan_view.table(progress, diffs=False)


def _nothing(progress: Progress) -> Iterator[str]:
    return iter(())


@dataclass(frozen=True)
class Wording:
    """The words for a run: the verb of the question, and the word of the summary when it succeeded.

    `table` is shown before the question, `default` is the answer when the user only presses Enter; `notes` follow the
    summary of a successful run.
    """

    verb: str
    done: str
    table: Callable[[Progress], Iterable[str]] = _table
    default: bool = True
    notes: Callable[[Progress], Iterable[str]] = _nothing


DEPLOY = Wording("deploy", "deployed")


def require_confirmation(*, yes: bool) -> None:
    """Raise UsageError when there is neither --yes nor a terminal to ask on."""
    if not yes and not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for confirmation", key="--yes", fix="add --yes to go on without confirmation"
        )


def plan(
    words: list[str],
    table: Callable[[Progress], Iterable[str]],
    document: Callable[[HostProgress], Any],
    *,
    as_json: bool,
) -> NoReturn:
    """Run a plan to its end, show it, and exit: with 3 when something would change, else with the run's status.

    `table` gives its lines for people, `document` what JSON has of a host.
    """
    child, progress = PyinfraProcess(words), Progress()
    for event in child.events():
        list(progress.take(event, time.monotonic()))
    if as_json and progress.hosts:
        click.echo(json.dumps([document(host) for host in progress.in_order], indent=2, ensure_ascii=False))
    elif progress.hosts:
        for line in table(progress):
            click.echo(line)
        for line in plan_view.warnings(progress):
            click.echo(line, err=True)
    for line in progress.host_errors:
        click.echo(f"error: {line}", err=True)
    end(child, progress)
    if not as_json:
        click.echo(plan_view.total(progress))
    raise SystemExit(EXIT_CHANGES if progress.planned else 0)


def follow(words: list[str], *, yes: bool, wording: Wording = DEPLOY) -> None:
    """Run pyinfra to its end, shown as it goes on; print a summary, and exit with its status unless that is 0."""
    child, progress = PyinfraProcess(words, decides=not yes), Progress()
    began = time.monotonic()
    if show_run(child, progress, wording):
        took, now = time.monotonic() - began - progress.asked_seconds, datetime.now(UTC)
        for line in summary.lines(progress, child.status, took, done=wording.done, by=identity.by(), now=now):
            click.echo(line)
        for line in wording.notes(progress) if child.status == 0 else ():
            click.echo(line)
    elif not child.interrupted:
        raise HomeportError("nothing was changed")
    end(child, progress)


def show_run(child: PyinfraProcess, progress: Progress, wording: Wording) -> bool:
    """Show a run as it goes on; return False when whoever was asked did not agree to it."""
    display, running = display_of(progress), child.events()
    if not _until_prepared(display, progress, running):
        return True
    asked = time.monotonic()
    go = confirmed(child, progress, wording)
    progress.asked_seconds = time.monotonic() - asked
    child.decide(go=go)
    _until_prepared(display, progress, running)
    return go


def _until_prepared(display: PlainDisplay, progress: Progress, running: Iterator[Event]) -> bool:
    """Show it until it waits for an answer, or has ended; tell whether it waits."""
    with display.shown():
        for event in running:
            if event["event"] == "prepared":
                return True
            display.say(progress.take(event, time.monotonic()))
    return False


def confirmed(child: PyinfraProcess, progress: Progress, wording: Wording) -> bool:
    """Show what would change, and ask; an interrupt is the child's end too."""
    for line in wording.table(progress):
        click.echo(line, err=True)
    if not progress.planned:
        return True
    try:
        with interruptible():
            return click.confirm(f"{plan_view.total(progress)}: {wording.verb}?", default=wording.default, err=True)
    except click.Abort:
        click.echo(err=True)
        child.interrupted, child.status = True, EXIT_INTERRUPTED
        return False


def end(child: PyinfraProcess, progress: Progress) -> None:
    """Say what went wrong, as far as that has not been shown yet, and exit with the run's status unless it is 0."""
    if child.status == 0:
        return
    for line in progress.problems:
        click.echo(f"error: {line}", err=True)
    if child.interrupted:
        click.echo(
            "interrupted; a host finishes the phase that it is in, and the next run continues from there", err=True
        )
    elif not progress.errors:
        for line in progress.chatter:
            click.echo(line, err=True)
    raise SystemExit(child.status)

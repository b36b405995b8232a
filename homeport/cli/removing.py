"""`homeport remove`. Thin; the work is in `homeport.operations.removing` and, on the host, in `homeport.removal`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import click

from homeport.cli import plans
from homeport.cli.following import Child
from homeport.cli.progress import HostProgress, Progress
from homeport.cli.running import command_line, lock_wait_option, target_options
from homeport.cli.showing import Deed, end, follow, must_be_asked
from homeport.errors import EXIT_CHANGES, UsageError

EXAMPLES = """\b
Examples:
  homeport remove production --dry               what would go, and what would stay
  homeport remove production                     shows the same, and asks
  homeport remove production --data --machine    the application, its data, and homeport itself
"""
KEPT, LOST = "kept", "cannot be brought back"
KINDS = {"kept": KEPT, "lost": LOST}


@click.command(epilog=EXAMPLES)
@target_options
@click.option("--data", is_flag=True, help="Its data (/var/lib/APP) and the user that owns them, too.")
@click.option("--machine", is_flag=True, help="homeport itself too; no other application may be there.")
@click.option("--dry", is_flag=True, help="Only show it; status 3 when there is something to remove.")
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can be asked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (with --dry).")
@lock_wait_option
def remove(
    target: str,
    limit: tuple[str, ...],
    data: bool,
    machine: bool,
    dry: bool,
    yes: bool,
    as_json: bool,
    lock_wait: int | None,
) -> None:
    """Remove the application from the hosts of TARGET: its site, units, certificate, releases, settings and secrets.

    Its data stay, and so does what the machine has for all its applications. With --machine homeport itself leaves as
    well, and what it had replaced is given back. Other applications on the machine go on serving. A removal that was
    cut is finished by the next one, and a deploy brings everything back.
    """
    if as_json and not dry:
        raise UsageError("there is nothing to print", key="--json", fix="add --dry")
    given = {"_with_data": data or None, "_with_machine": machine or None, "lock_wait_seconds": lock_wait}
    words = command_line("remove", target, limit, given, dry=dry)
    if dry:
        _plan(words, as_json=as_json)
    must_be_asked(yes=yes)
    verb = "remove, the data included" if data else "remove"
    follow(words, yes=yes, deed=Deed(verb, "removed", table=table, default=False, notes=notes))


def _plan(words: list[str], *, as_json: bool) -> None:
    """Show what would be done, and exit."""
    child, progress = Child(words), Progress()
    for event in child.events():
        list(progress.take(event, time.monotonic()))
    if as_json and progress.hosts:
        click.echo(json.dumps([document(host) for host in _in_order(progress)], indent=2, ensure_ascii=False))
    elif progress.hosts:
        for line in table(progress):
            click.echo(line)
    for line in progress.host_errors:
        click.echo(f"error: {line}", err=True)
    end(child, progress)
    if not as_json:
        click.echo(plans.total(progress))
    raise SystemExit(EXIT_CHANGES if progress.planned else 0)


def table(progress: Progress) -> Iterator[str]:
    """Yield what would go and what would stay, for people."""
    for host in _in_order(progress):
        if not host.about:
            continue
        yield f"{host.name}: {host.about['app']}"
        if not host.planned:
            yield "  nothing to remove"
        for step, changes in groupby(host.planned, key=lambda one: one.step):
            yield f"  {step}"
            yield from (f"    {change}" for change in changes)
        yield from _notes(host)


def notes(progress: Progress) -> Iterator[str]:
    """Yield what has stayed, after a removal."""
    for host in _in_order(progress):
        if host.notes:
            yield f"{host.name}: {host.about.get('app', '')}"
            yield from _notes(host)


def _notes(host: HostProgress) -> Iterator[str]:
    for kind, words in KINDS.items():
        some = [(what, why) for one, what, why in host.notes if one == kind]
        if some:
            yield f"  {words}"
        yield from (f"    {what} ({why})" for what, why in some)


def document(host: HostProgress) -> dict[str, Any]:
    """Return what `homeport remove --dry --json` prints of a host."""
    if host.errors or not host.about:
        line = host.errors[0] if host.errors else "another host ended the run before this one was looked at"
        return {"host": host.name, "error": line.removeprefix(f"{host.name}: ")}
    changes = [
        {"step": one.step, "action": one.action, "what": one.what, "reason": one.reason or None} for one in host.planned
    ]
    return {
        "host": host.name,
        "app": host.about["app"],
        "changes": changes,
        "kept": _published(host.notes, "kept"),
        "lost": _published(host.notes, "lost"),
    }


def _published(notes: Iterable[tuple[str, str, str]], kind: str) -> list[dict[str, str]]:
    return [{"what": what, "reason": why} for one, what, why in notes if one == kind]


def _in_order(progress: Progress) -> list[HostProgress]:
    return sorted(progress.hosts.values(), key=lambda host: host.name)

"""`homeport rollback`, `restart` and `releases`. Thin; the work is in `homeport.operations`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from homeport.cli import query_run
from homeport.cli.change_run import Wording, follow, require_confirmation
from homeport.cli.processes import command_line, lock_wait_option, target_options
from homeport.releases.rollback import PREVIOUS
from homeport.state.holder import held_by_hand

SHORT_COMMIT = 12


@click.command(epilog="\b\nExamples:\n  homeport rollback production\n  homeport rollback production --to 0123456789ab")
@target_options
@click.option("--to", "release", default=PREVIOUS, metavar="ID", help="This release.  [default: the previous good one]")
@click.option("--yes", is_flag=True, help="Do not ask, and accept that migrations in between are not undone.")
@lock_wait_option
def rollback(target: str, limit: tuple[str, ...], release: str, yes: bool, lock_wait: int | None) -> None:
    """Go back to a release that is on the hosts of TARGET: its code, environment, units and site, as they were.

    It needs neither the source nor a package registry. It does not undo migrations of the database: it shows those in
    between, and goes no further without --yes. It refuses a release that failed or was never live.
    """
    require_confirmation(yes=yes)
    data = {"release": release, "accept_migrations": yes or None, "lock_wait_seconds": lock_wait}
    words = command_line("rollback", target, limit, data)
    follow(words, yes=yes, wording=Wording("go back", "rolled back"))


@click.command(epilog="\b\nExample:\n  homeport restart production --limit web1.example.com")
@target_options
@click.option("--new-slot", is_flag=True, help='Use the other slot also with `switch = "restart"` or a standby.')
@lock_wait_option
def restart(target: str, limit: tuple[str, ...], new_slot: bool, lock_wait: int | None) -> None:
    """Restart the processes of the live release of TARGET without losing a request.

    The same release starts in the other slot, and takes over: for a while this needs the memory of a second
    application. With `switch = "restart"` or a standby, which this would end, several workers are replaced one after
    the other instead: a POST that a worker has just been given may be lost then.
    """
    data = {"_new_slot": new_slot or None, "lock_wait_seconds": lock_wait}
    follow(command_line("restart", target, limit, data), yes=True, wording=Wording("restart", "restarted"))


@click.command(epilog="\b\nExample:\n  homeport releases production --json")
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def releases(target: str, limit: tuple[str, ...], as_json: bool) -> None:
    """List the releases on the hosts of TARGET with their state, the newest first; changes nothing.

    A rollback goes to the release marked `->`.
    """
    hosts = query_run.gather_answers("releases", target, limit)
    if as_json:
        query_run.print_json(hosts)
    else:
        for one in hosts:
            for line in table(one) if "error" not in one else ():
                click.echo(line)
        for line in query_run.unread_lines(hosts):
            click.echo(f"error: {line}", err=True)
    query_run.end(hosts)


def table(one: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines for one host."""
    yield f"{one['host']}: {one['app']}"
    if one["hold"] is not None:
        yield f"  {held_by_hand(json.dumps(one['hold']))}"
    if not one["releases"]:
        yield "  no releases"
    for release in one["releases"]:
        mark = "->" if release["id"] == one["previous"] else "  "
        state = release["state"] if release["whole"] else f"{release['state']}, incomplete"
        made = f"{release['ref'] or '-'} at {(release['commit'] or '')[:SHORT_COMMIT]}"
        when = release["live_at"] or "-"
        yield f"{mark} {release['id']:<12}  {state:<12}  {when:<20}  {made}  {release['by'] or ''}".rstrip()

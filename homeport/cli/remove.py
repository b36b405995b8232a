"""`homeport remove`. Thin; the work is in `homeport.operations.remove` and, on the host, in `homeport.removal`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from homeport.cli import change_run, plan_view
from homeport.cli.change_run import Wording, follow, require_confirmation
from homeport.cli.processes import command_line, lock_wait_option, target_options
from homeport.cli.progress import HostProgress, Progress
from homeport.errors import UsageError

EXAMPLES = """\b
Examples:
  homeport remove production --dry               what would go, and what would stay
  homeport remove production                     shows the same, and asks
  homeport remove production --data --machine    the application, its data, and homeport itself
"""
KEPT, LOST = "kept", "cannot be restored"
KINDS = {"kept": KEPT, "lost": LOST}


@click.command(epilog=EXAMPLES)
@target_options
@click.option("--data", is_flag=True, help="Remove its data (/var/lib/APP) and its user too.")
@click.option("--machine", is_flag=True, help="Remove homeport itself too; no other application may be on the machine.")
@click.option("--dry", is_flag=True, help="Only show the changes; status 3 when there is something to remove.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation; needed without a terminal.")
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

    The data of the application stay, and so does what all applications on the machine share. With --machine homeport
    itself is removed as well, and the files that it had replaced are restored. Other applications on the machine go on
    serving. The next removal finishes an interrupted one, and a deploy installs everything again.
    """
    if as_json and not dry:
        raise UsageError("it prints what would be removed, and removes nothing", key="--json", fix="add --dry")
    given = {"_with_data": data or None, "_with_machine": machine or None, "lock_wait_seconds": lock_wait}
    words = command_line("remove", target, limit, given, dry=dry)
    if dry:
        change_run.plan(words, table, document, as_json=as_json)
    require_confirmation(yes=yes)
    verb = "remove, the data included" if data else "remove"
    follow(words, yes=yes, wording=Wording(verb, "removed", table=table, default=False, notes=notes))


def table(progress: Progress) -> Iterator[str]:
    """Yield what would go and what would stay, for people."""
    for host in progress.in_order:
        if host.about:
            yield from plan_view.of_host(host, host.about["app"], "nothing to remove")
            yield from _notes(host)


def notes(progress: Progress) -> Iterator[str]:
    """Yield what has stayed, after a removal."""
    for host in progress.in_order:
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
    if failed := plan_view.failure(host):
        return failed
    changes = [
        {"step": one.phase, "action": one.action, "what": one.what, "reason": one.reason or None}
        for one in host.planned
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

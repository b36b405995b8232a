"""`homeport scale`: another number of workers, with the code that is live, and written down where it belongs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from homeport.cli.change_run import follow, require_confirmation
from homeport.cli.group_data import write_down
from homeport.cli.processes import inventory, lock_wait_option, project_line, read, target_options
from homeport.cli.query_run import gather_answers
from homeport.errors import HomeportError, UsageError

EXAMPLES = """\b
Examples:
  homeport scale production 4
  homeport scale production auto --yes
  homeport scale production 8 --once      for tonight; the next deploy takes the number of the settings again
"""


def _workers(context: click.Context, parameter: click.Parameter, value: str) -> int | str:
    """Return the number that was given, from 1 on, or "auto"."""
    if value == "auto":
        return value
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter("a number from 1 on, or auto", context, parameter)
    return int(value)


@click.command(epilog=EXAMPLES)
@target_options
@click.argument("workers", callback=_workers, metavar="N|auto")
@click.option("--once", is_flag=True, help="Do not write the number to the group data.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation; needed without a terminal.")
@lock_wait_option
def scale(
    target: str, limit: tuple[str, ...], workers: int | str, once: bool, yes: bool, lock_wait: int | None
) -> None:
    """Set the number of worker processes to N on each host of TARGET, without losing a request.

    It releases the live code again with that number, and no newer code. It refuses a number that does not fit into
    a machine's memory. It writes the setting `workers` to the group data of TARGET once the number is live: commit
    that file, or the next deploy from elsewhere uses the old number. With --limit it writes nothing, since group
    data are for all hosts.
    """
    require_confirmation(yes=yes)
    commit = live_commit(gather_answers("releases", target, limit))
    data = {"workers": workers, "app_ref": commit, "lock_wait_seconds": lock_wait}
    follow(project_line(target, limit, data, "-y"), yes=yes)
    line = f"workers = {workers!r}".replace("'", '"')
    place = Path("group_data") / f"{Path(inventory(target)).stem}.py"
    if once or limit:
        where = "as the data of these hosts in the inventory" if limit else f"in {place}"
        click.echo(f"not written to the group data: the next deploy uses the old number, unless you set {line} {where}")
        return
    write_down(place, line, otherwise="the number is live; ")
    _look(target, workers, place)
    click.echo(f"wrote {line} to {place}; commit it, or the next deploy from elsewhere uses the old number")


def live_commit(hosts: list[dict[str, Any]]) -> str:
    """Return the commit of the live release; raise HomeportError unless all hosts have the same, and it is one."""
    for one in hosts:
        if "error" in one:
            raise HomeportError(one["error"], host=one["host"])
    live = {one["host"]: _live(one) for one in hosts}
    commits = {found["commit"] for found in live.values() if found}
    if len(commits) != 1 or not all(live.values()):
        has = ", ".join(f"{host}: {found['commit'][:12] if found else 'none'}" for host, found in live.items())
        raise HomeportError(
            f"the hosts do not have the same live release ({has})", fix="deploy first, or choose hosts with --limit"
        )
    if any(found and found["dirty"] for found in live.values()):
        raise HomeportError(
            "the live code was never committed, so it cannot be released again", fix="set workers and deploy"
        )
    return str(commits.pop())


def _live(one: dict[str, Any]) -> dict[str, Any] | None:
    return next((found for found in one["releases"] if found["id"] == one["live"] and found["commit"]), None)


def _look(target: str, workers: int | str, place: Path) -> None:
    """Raise UsageError when a host's own data win over what was written."""
    hosts = read([sys.executable, "-m", "homeport.inventory.hosts", inventory(target)])
    others = [one["host"] for one in hosts if one["workers"] != workers]
    if others:
        problem = f"these hosts have a number of their own in the inventory: {', '.join(others)}"
        raise UsageError(
            problem, key=str(place), fix="the number is live; change it there too, or the next deploy uses the old one"
        )

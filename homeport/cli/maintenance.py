"""`homeport maintenance`. Thin; the work is in `homeport.operations.maintenance` and on the host."""

from __future__ import annotations

from typing import Any

import click

from homeport.cli.change_run import Wording, follow
from homeport.cli.processes import command_line, target_options
from homeport.cli.query_run import end, gather_answers, print_json
from homeport.errors import UsageError

EXAMPLES = """\b
Examples:
  homeport maintenance production on -m "we are moving the database"
  homeport maintenance production off
  homeport maintenance production             is it on, and who did that?

For a page of your own, write overrides/nginx/maintenance.html; Retry-After is maintenance_retry_seconds.
"""


@click.command(epilog=EXAMPLES)
@target_options
@click.argument("state", required=False, type=click.Choice(["on", "off"]))
@click.option("-m", "--message", default="", help="The reason, for your colleagues; visitors do not see it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (without on or off).")
def maintenance(target: str, limit: tuple[str, ...], state: str | None, message: str, as_json: bool) -> None:
    """Show visitors of TARGET a page with status 503 instead of the application, until it is off again.

    It begins and ends with the next request, without a reload. It does not wait for a deploy, and lasts over
    deploys and reboots. The application goes on running: it finishes its requests, and the health path still
    answers.
    """
    if state is None:
        _show(gather_answers("maintenance", target, limit), as_json=as_json)
        return
    if as_json:
        raise UsageError(
            "it prints the present state, and changes nothing",
            key="--json",
            fix="leave out --json, or leave out on and off",
        )
    if message and state == "off":
        raise UsageError("a reason is only kept when maintenance is switched on", key="--message", fix="leave it out")
    data = {"_closed": state == "on", "_message": message or None}
    wording = Wording("switch on", "switched on") if state == "on" else Wording("switch off", "switched off")
    follow(command_line("maintenance", target, limit, data), yes=True, wording=wording)


def _show(hosts: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(hosts)
    else:
        for one in hosts:
            click.echo(f"{one['host']}: {_words(one)}", err="error" in one)
    end(hosts)


def _words(one: dict[str, Any]) -> str:
    if "error" in one:
        return str(one["error"])
    note = one["maintenance"]
    if note is None:
        return f"maintenance of {one['app']} is off"
    why = f": {note['message']}" if note["message"] else ""
    return f"maintenance of {one['app']} is on since {note['since']}, by {note['by'] or 'somebody'}{why}"

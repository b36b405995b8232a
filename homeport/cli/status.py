"""`homeport status`: what runs on the hosts, and how well. Thin; what it says is made in `homeport.report.status`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from homeport.cli import query_run
from homeport.cli.previewed import data_of, preview_option
from homeport.cli.processes import query_hosts, target_options
from homeport.cli.status_view import block
from homeport.errors import UsageError
from homeport.report.findings import of_status
from homeport.report.usage import of_fleet

EVERY_SECONDS = 2.0
# Lines that are not shown on a terminal may be long: whoever reads them cuts them as needed.
PLAIN_WIDTH = 200
EXAMPLES = """\b
Examples:
  homeport status production
  homeport status production --watch
  homeport status production --json | jq '.[] | {host, release: .release.id}'
  homeport status production --html status.html"""


@click.command(epilog=EXAMPLES)
@target_options
@preview_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as `homeport schema status` describes it.")
@click.option("--watch", is_flag=True, help="Refresh it every two seconds, until Ctrl-C.")
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write a report: one page, no network."
)
def status(
    target: str, limit: tuple[str, ...], preview: str | None, as_json: bool, watch: bool, page: Path | None
) -> None:
    """Show what runs on the hosts of TARGET, and whether it is healthy; changes nothing.

    For each host: the live release and its age, slot and restarts, each worker's processor (percent of one core, over a
    second) and memory, the machine and its last week, its disks, the certificate and its next renewal, the last deploy
    and by whom, and advice where something is wrong or could be set better. The exit status is 1 when a host cannot be
    read.
    """
    if watch and (as_json or page or not sys.stdout.isatty()):
        raise UsageError("it needs a terminal", key="--watch", fix="leave it out, or leave out --json and --html")
    if watch:
        show_repeatedly(target, limit, preview)
        return
    asked = query_run.gather_answers("status", target, limit, called=target, data=data_of(preview))
    hosts = with_fleet(asked, target)
    if page is not None:
        from homeport.report.page import report

        page.write_text(report(hosts, target))
        click.echo(f"wrote {page}", err=True)
    if as_json:
        query_run.print_json(hosts)
    elif page is None:
        show(blocks(hosts))
    query_run.end(hosts)


def with_fleet(hosts: list[dict[str, Any]], target: str) -> list[dict[str, Any]]:
    """Return the hosts of `target`, what there is to say of all of them together being told with the first."""
    said = of_status(of_fleet(hosts), target)
    return [{**hosts[0], "advice": [*hosts[0]["advice"], *said]}, *hosts[1:]] if said else hosts


def show(what: RenderableType) -> None:
    """Print it, without the blanks that a table puts at the end of its lines."""
    console = screen()
    with console.capture() as captured:
        console.print(what)
    for line in captured.get().splitlines():
        click.echo(line.rstrip(), color=True)


def screen() -> Console:
    """Return where a person reads: the terminal as wide as it is, or plain lines."""
    plain = not sys.stdout.isatty()
    return Console(highlight=False, emoji=False, markup=False, width=PLAIN_WIDTH if plain else None)


def blocks(hosts: Iterable[Mapping[str, Any]]) -> RenderableType:
    """Return the blocks of all hosts, a line between them."""
    shown: list[RenderableType] = []
    for one in hosts:
        shown += [Text(), block(one)] if shown else [block(one)]
    return Group(*shown)


def show_repeatedly(target: str, limit: Iterable[str], preview: str | None) -> None:
    """Show the hosts until interrupted; each as soon as it has answered again."""
    known: dict[str, Mapping[str, Any]] = {}
    with Live(Text("asking the hosts …"), console=screen(), screen=True, auto_refresh=False) as live:
        options = {"every": EVERY_SECONDS, "called": target, "data": data_of(preview)}
        for one in query_hosts("status", target, limit, **options):
            known[str(one["host"])] = one
            head = Text(f"{target}, every {EVERY_SECONDS:g} s; Ctrl-C ends", style="dim")
            live.update(Group(head, Text(), blocks(query_run.in_order(known.values()))), refresh=True)

"""`homeport logs`: what the hosts have written, in the order of its times. Thin; the reading is on the hosts."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from homeport.cli.log_merging import Merge
from homeport.cli.previewed import data_of, preview_option
from homeport.cli.processes import query_hosts, target_options
from homeport.cli.times import FORMS, moment
from homeport.errors import EXIT_FAILED, UsageError
from homeport.report.humanize import clean

SOURCES = ("app", "proxy", "migration", "deploys")
LINES, MOST_LINES = 100, 10_000
STYLES = {"error": "red", "warning": "yellow"}
EXAMPLES = """\b
Examples:
  homeport logs production -f
  homeport logs production --source app --since 2h --grep error
  homeport logs production --source deploys -n 20
  homeport logs production --preview feature/login -f
  homeport logs production --source proxy --since 10:30 --until 10:35 --json | jq .request.uri"""


@click.command(epilog=EXAMPLES)
@target_options
@preview_option
@click.option("--source", "sources", multiple=True, type=click.Choice(SOURCES), help="Repeatable.  [default: all]")
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines until Ctrl-C.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(1, MOST_LINES),
    help=f"How many of the newest lines.  [default: {LINES}; with --since all]",
)
@click.option("--since", metavar="MOMENT", help=f"Not before, in UTC: {FORMS}.")
@click.option("--until", metavar="MOMENT", help="Not after; as --since.")
@click.option(
    "-g",
    "--grep",
    metavar="PATTERN",
    help="Only lines with this regular expression; a lower-case letter also matches a capital.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print each line as JSON, as `homeport schema logs` describes it."
)
def logs(
    target: str,
    limit: tuple[str, ...],
    preview: str | None,
    sources: tuple[str, ...],
    follow: bool,
    lines: int | None,
    since: str | None,
    until: str | None,
    grep: str | None,
    as_json: bool,
) -> None:
    """Show the log lines of the hosts of TARGET in the order of their times (UTC); changes nothing.

    app: the application, its processes and what systemd says of them. proxy: its requests and the proxy's
    errors, without those of other applications. migration: the output of migrations. deploys: what homeport did on
    the hosts. One call shows at most 10000 lines. The exit status is 1 when a host cannot be read.
    """
    _check(grep, until, follow=follow)
    wanted: dict[str, Any] = {
        "sources": list(sources or SOURCES),
        "lines": lines or (MOST_LINES if since else LINES),
        "since": _seconds("--since", since),
        "until": _seconds("--until", until),
        "grep": grep,
        "follow": follow,
        "data": data_of(preview),
    }
    show = _as_json if as_json else _Plain(sys.stdout.isatty())
    failed = False
    for one in merged(query_hosts("logs", target, limit, **wanted), wanted["lines"], follow=follow):
        if "error" in one and not as_json:
            click.echo(f"error: {one['host']}: {one['error']}", err=True)
        else:
            show(one)
        failed = failed or "error" in one
    if failed:
        raise SystemExit(EXIT_FAILED)


def merged(found: Iterable[Mapping[str, Any]], newest: int, *, follow: bool) -> Iterator[Mapping[str, Any]]:
    """Yield the `newest` lines of all hosts in order, each with its host; to `follow`, those that come as well.

    A host that cannot be read gives one line with `error`, each time that this begins.
    """
    merge, down = Merge(newest) if follow else Merge(newest, settling_seconds=float("inf")), set()
    for one in found:
        host = str(one["host"])
        if "error" in one:
            if host not in down:
                yield one
            down.add(host)
            yield from merge.lost(host, time.monotonic())
        else:
            down.discard(host)
            lines = [(_timed(line), {"host": host, **line}) for line in one["lines"]]
            yield from merge.add(host, lines, one["upto"], time.monotonic())
    yield from merge.rest()


def _timed(line: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(line["at"]).timestamp()


def _seconds(key: str, text: str | None) -> float | None:
    try:
        return None if text is None else moment(text, datetime.now(UTC)).timestamp()
    except ValueError as error:
        raise UsageError(str(error), key=key) from None


def _check(grep: str | None, until: str | None, *, follow: bool) -> None:
    if follow and until:
        raise UsageError(
            "it does not work with --follow, which never ends", key="--until", fix="leave out --until or --follow"
        )
    try:
        re.compile(grep or "")
    except re.error as error:
        raise UsageError(f"{grep!r} is not a regular expression: {error}", key="--grep") from None


def _as_json(line: Mapping[str, Any]) -> None:
    click.echo(json.dumps(line, ensure_ascii=False))


class _Plain:
    """Shows lines to a person: the day only where it is not today's on a terminal, colours only there."""

    def __init__(self, terminal: bool):
        self._terminal = terminal
        self._console = Console(highlight=False, emoji=False, markup=False, soft_wrap=True)

    def __call__(self, line: Mapping[str, Any]) -> None:
        where = f"{line['source']}/{line['slot']}" if line["slot"] else str(line["source"])
        style = STYLES.get(line["level"], "")
        for text in clean_lines(line["text"]):
            self._console.print(
                Text.assemble((self._time(line["at"]), "dim"), f" {line['host']} ", (where, "cyan"), " ", (text, style))
            )

    def _time(self, at: str) -> str:
        today = datetime.now(UTC).date().isoformat()
        return at.removeprefix(f"{today}T").removesuffix("Z") if self._terminal else at


def clean_lines(text: str) -> list[str]:
    """Return the lines of a text, fit for a terminal; at least one."""
    return [clean(line) for line in text.splitlines()] or [""]

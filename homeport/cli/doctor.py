"""`homeport doctor`. Thin: what is looked at is in `homeport.queries.doctor`, what it means in `diagnosis`."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import click

from homeport.cli.processes import target_options
from homeport.cli.query_run import gather_answers, print_json
from homeport.diagnosis import TROUBLE
from homeport.errors import EXIT_FAILED
from homeport.report.findings import COLOURS, TO_DO, line, text

NARROWEST = 60
KINDS = {
    **COLOURS,
    "follows": None,
    "well": "green",
    "error": "red",
    "unchecked": "yellow",
}
# The beginning of a line that is a consequence of the line above it.
INDENT = "  "


@click.command(epilog="\b\nExamples:\n  homeport doctor production\n  homeport doctor production --limit web1 --json")
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON; its schema: homeport schema doctor.")
def doctor(target: str, limit: tuple[str, ...], as_json: bool) -> None:
    """Find what is wrong with the site on the hosts of TARGET, and say how to fix it; changes nothing.

    It looks from the outside in: DNS, ports, certificate and its renewal, SSH, proxy, application, migration,
    database, secrets, permissions, disk, memory, clock, deploys. A line for each finding says what is wrong, the
    evidence, and what to do; a cause stands above its consequences. A warning harms no visitor yet, and a hint is
    for your information. Without SSH it checks what it can from outside. It needs no homeport on the host.

    The exit status is 1 when there is trouble, or a host could not be examined.
    """
    if sys.stderr.isatty():
        click.echo(f"looking at {target} …", err=True)
    hosts = gather_answers("doctor", target, limit, called=target)
    if as_json:
        print_json(hosts)
    else:
        show(hosts)
    if any("error" in one or is_troubled(one) for one in hosts):
        raise SystemExit(EXIT_FAILED)


def is_troubled(host: Mapping[str, Any]) -> bool:
    """Tell whether something is wrong that harms visitors."""
    return any(finding["level"] == TROUBLE for finding in host["findings"])


def show(hosts: list[dict[str, Any]]) -> None:
    """Print the diagnoses: a line each where a program reads them, wrapped where a person does."""
    width = max(shutil.get_terminal_size().columns, NARROWEST) if sys.stdout.isatty() else None
    for host in hosts:
        for kind, words in lines(host):
            begin = f"{INDENT if kind == 'follows' else ''}{host['host']}: "
            label = click.style(kind, fg=KINDS[kind], bold=True)
            shown = f"{begin}{label}: {wrapped(words, width, len(begin) + len(kind) + 2)}"
            click.echo(shown, color=False if os.environ.get("NO_COLOR") else None)


def wrapped(text: str, width: int | None, used: int) -> str:
    """Return the text in lines of at most `width`, of whose first `used` is taken; None: on one line."""
    if width is None:
        return text
    problem, *fix = text.split(TO_DO)
    rows = [" " * used + problem, *(f"{INDENT * 3}to do: {one}" for one in fix)]
    wrapper = textwrap.TextWrapper(width, subsequent_indent=INDENT * 3, break_long_words=False, break_on_hyphens=False)
    return "\n".join(map(wrapper.fill, rows))[used:]


def lines(host: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the lines for a host, each with its kind."""
    if "error" in host:
        yield "error", host["error"]
        return
    for finding in host["findings"]:
        if finding["because"] is None:
            yield finding["level"], line(text(finding), finding["fix"])
        else:
            yield "follows", text(finding)
    if not is_troubled(host):
        yield "well", f"no trouble found; checked: {', '.join(host['checked'])}"
    for what, why in host["unchecked"].items():
        yield "unchecked", f"{what} ({why})"

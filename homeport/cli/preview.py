"""`homeport preview`. Thin; a preview is deployed and removed as any application (`homeport.settings.previews`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from homeport.cli import query_run
from homeport.cli.change_run import Wording, follow
from homeport.cli.previewed import named
from homeport.cli.processes import command_line, complete_targets, limit_option, lock_wait_option
from homeport.cli.times import length
from homeport.errors import UsageError
from homeport.report.humanize import ago

EXAMPLES = """\b
Examples:
  homeport preview up feature/login            for three days
  homeport preview up feature/login --ttl 12h --target staging
  homeport preview list
  homeport preview down feature/login
"""
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=90)
SHORT_COMMIT = 12
Command = Callable[..., Any]


def _place_options(command: Command) -> Command:
    """Add --target and --limit, which say where the previews are."""
    text = "The inventory whose machines have the application that it is of."
    return click.option(
        "--target", default="production", show_default=True, help=text, shell_complete=complete_targets
    )(limit_option(command))


@click.group(epilog=EXAMPLES)
def preview() -> None:
    """Previews of branches: each an application of its own, with its own user and an empty database, for some days."""


@preview.command(epilog="\b\nExample:\n  homeport preview up feature/login --ttl 12h")
@click.argument("branch")
@_place_options
@click.option("--ttl", default="3d", show_default=True, metavar="TIME", help="How long it stays: 90min, 12h, 3d, 2w.")
@click.option("--ref", metavar="REF", help="Release this commit, tag or branch as BRANCH.  [default: BRANCH]")
@lock_wait_option
def up(branch: str, target: str, limit: tuple[str, ...], ttl: str, ref: str | None, lock_wait: int | None) -> None:
    """Make a preview of BRANCH, or bring the one that is there up to date; its time begins anew.

    It gets none of production's secrets and data. When its time is up, the machine removes it by itself.
    """
    until = datetime.now(UTC) + _time(ttl)
    data = {"preview": named(branch, f"{until:%Y-%m-%dT%H:%M:%SZ}"), "app_ref": ref or branch}
    words = command_line("preview", target, limit, {**data, "lock_wait_seconds": lock_wait})
    follow(words, yes=True, wording=Wording("make it", f"preview of {branch} up"))


@preview.command(epilog="\b\nExample:\n  homeport preview down feature/login")
@click.argument("branch")
@_place_options
@lock_wait_option
def down(branch: str, target: str, limit: tuple[str, ...], lock_wait: int | None) -> None:
    """Remove the preview of BRANCH with all that it has, its data included; the branch may be gone already."""
    data = {"preview": named(branch), "_with_data": True, "lock_wait_seconds": lock_wait}
    words = command_line("remove", target, limit, data)
    follow(words, yes=True, wording=Wording("remove it", f"preview of {branch} removed"))


@preview.command("list", epilog="\b\nExamples:\n  homeport preview list\n  homeport preview list --json")
@_place_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as `homeport schema preview` describes it.")
def list_previews(target: str, limit: tuple[str, ...], as_json: bool) -> None:
    """List the previews of an application: branch, address, release, and until when they stay; changes nothing."""
    hosts = query_run.gather_answers("previews", target, limit)
    if as_json:
        query_run.print_json(hosts)
    else:
        now = datetime.now(UTC)
        for one in hosts:
            for line in table(one, now) if "error" not in one else ():
                click.echo(line)
        for line in query_run.unread_lines(hosts):
            click.echo(f"error: {line}", err=True)
    query_run.end(hosts)


def table(one: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Yield the lines for one host."""
    yield f"{one['host']}: {one['app']}"
    if not one["previews"]:
        yield "  no previews"
    width = max((len(each["branch"]) for each in one["previews"]), default=0)
    for each in one["previews"]:
        release, made = "never live", ""
        if each["live_at"]:
            release = f"{each['release']} at {(each['commit'] or '-')[:SHORT_COMMIT]}"
            made = f", {ago((now - datetime.fromisoformat(each['live_at'])).total_seconds())}"
        yield f"  {each['branch']:<{width}}  {each['url']}  {release}{made}, until {each['until']}"


def _time(ttl: str) -> timedelta:
    """Return a length of time; raise UsageError for any other text, and for one that is no time for a preview."""
    try:
        found = length(ttl)
    except ValueError as error:
        raise UsageError(str(error), key="--ttl", fix="write it as 90min, 12h, 3d or 2w") from None
    if not SHORTEST <= found <= LONGEST:
        raise UsageError(f"{ttl} is not from 5min to 90d", key="--ttl", fix="up again begins its time anew")
    return found

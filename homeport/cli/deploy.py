"""`homeport deploy` and `homeport plan`. Thin; the work is the project's deploy.py, run by pyinfra."""

from __future__ import annotations

from collections.abc import Iterator

import click

from homeport.cli import change_run, plan_view
from homeport.cli.change_run import follow, require_confirmation
from homeport.cli.processes import lock_wait_option, project_line, target_options
from homeport.cli.progress import Progress

DEPLOY_EXAMPLES = """\b
Examples:
  homeport deploy staging                          shows what would change, and asks
  homeport deploy production --yes --ref v1.4.2    in a pipeline
  homeport deploy production --limit web1.example.com
"""
PLAN_EXAMPLES = """\b
Examples:
  homeport plan production                what a deploy would change, with diffs
  homeport plan production --ref v1.4.2 --no-diff
  homeport plan production --json         for a pipeline; every night, it finds what has drifted
"""
upgrade_option = click.option(
    "--upgrade-dependencies",
    is_flag=True,
    help="Without a lock: take the newest versions that the application allows.",
)
take_machine_option = click.option(
    "--take-machine",
    is_flag=True,
    help="Set values of the machine (such as the reboot time) although other applications there set other ones.",
)
replace_proxy_option = click.option(
    "--replace-proxy",
    is_flag=True,
    help="Put the proxy of the settings in the place of the one that the machine has, which cuts open connections.",
)
ref_option = click.option("--ref", metavar="REF", help="Release this branch, tag or commit.  [default: app_ref]")


@click.command(epilog=DEPLOY_EXAMPLES)
@target_options
@ref_option
@upgrade_option
@take_machine_option
@replace_proxy_option
@click.option("--yes", is_flag=True, help="Do not ask for confirmation; needed without a terminal.")
@lock_wait_option
def deploy(
    target: str,
    limit: tuple[str, ...],
    ref: str | None,
    upgrade_dependencies: bool,
    take_machine: bool,
    replace_proxy: bool,
    yes: bool,
    lock_wait: int | None,
) -> None:
    """Make the hosts of TARGET match the settings, and release the application.

    It shows what each host does as it happens, with the seconds since the beginning, and prints a summary to standard
    output. Ctrl-C ends it at any moment with status 130: the live release goes on serving, a host finishes the phase
    that it is in, and the next deploy continues from there.
    """
    require_confirmation(yes=yes)
    data = _data(ref, upgrade=upgrade_dependencies, take_machine=take_machine, replace_proxy=replace_proxy)
    follow(project_line(target, limit, {**data, "lock_wait_seconds": lock_wait}, "-y"), yes=yes)


@click.command(epilog=PLAN_EXAMPLES)
@target_options
@ref_option
@upgrade_option
@take_machine_option
@replace_proxy_option
@click.option("--diff/--no-diff", default=True, help="Show how files differ.  [default: diff]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(
    target: str,
    limit: tuple[str, ...],
    ref: str | None,
    upgrade_dependencies: bool,
    take_machine: bool,
    replace_proxy: bool,
    diff: bool,
    as_json: bool,
) -> None:
    """Show what a deploy to TARGET would change, by host and file; changes nothing.

    It exits with 3 when there are changes, so that a pipeline can ask whether the hosts are as they should be. It exits
    with 1 when a deploy to a host would be refused (too little memory, no root, another program on port 80), and says
    why. It never shows secrets.
    """
    data = _data(ref, upgrade=upgrade_dependencies, take_machine=take_machine, replace_proxy=replace_proxy)
    words = project_line(target, limit, data, "--dry", "--diff")
    change_run.plan(words, diffed if diff else undiffed, plan_view.document, as_json=as_json)


def _data(ref: str | None, *, upgrade: bool, take_machine: bool, replace_proxy: bool) -> dict[str, object]:
    """Return what the project's deploy file is given; None is left out."""
    allowed = {"upgrade_dependencies": upgrade, "take_machine": take_machine, "replace_proxy": replace_proxy}
    return {"app_ref": ref, **{name: given or None for name, given in allowed.items()}}


def diffed(progress: Progress) -> Iterator[str]:
    """Yield the plan with its diffs, which are coloured."""
    return map(coloured, plan_view.table(progress, diffs=True))


def undiffed(progress: Progress) -> Iterator[str]:
    """Yield the plan without diffs."""
    return plan_view.table(progress, diffs=False)


def coloured(line: str) -> str:
    """Return a plan's line with its diff coloured; click takes colours out again where nobody sees them."""
    text = line.lstrip(" ")
    if not line.startswith("      ") or text.startswith(("+++", "---")):
        return line
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[6:7])
    return click.style(line, fg=colour) if colour else line

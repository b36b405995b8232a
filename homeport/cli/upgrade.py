"""`homeport upgrade`: security upgrades at once. Thin; the work is in `homeport.operations`."""

from __future__ import annotations

import click

from homeport.cli.change_run import Wording, follow, require_confirmation
from homeport.cli.processes import command_line, lock_wait_option, target_options

EXAMPLES = """\b
Examples:
  homeport upgrade production
  homeport upgrade production --limit web1.example.com --yes
"""


@click.command(epilog=EXAMPLES)
@target_options
@click.option("--yes", is_flag=True, help="Do not ask for confirmation; needed without a terminal.")
@lock_wait_option
def upgrade(target: str, limit: tuple[str, ...], yes: bool, lock_wait: int | None) -> None:
    """Install the security upgrades of TARGET's machines now: what unattended-upgrades would install at its next time.

    Machines do that by themselves every day (security_upgrades). A machine that cannot reach the internet by itself
    (outbound = "controller") does not: run this command for it. It never reboots a machine; homeport status says when
    an upgrade needs a reboot.
    """
    require_confirmation(yes=yes)
    words = command_line("upgrade", target, limit, {"lock_wait_seconds": lock_wait})
    follow(words, yes=yes, wording=Wording("upgrade", "upgraded"))

"""`homeport lock` and `homeport unlock`: deploys held by hand. Thin; the work is in `homeport.operations`."""

from __future__ import annotations

import click

from homeport.cli.change_run import Wording, follow
from homeport.cli.processes import command_line, lock_wait_option, target_options


@click.command(epilog='\b\nExample:\n  homeport lock production -m "the database moves, ask Carol"')
@target_options
@click.option("-m", "--message", required=True, help="The reason, which a refused deploy shows.")
@lock_wait_option
def lock(target: str, limit: tuple[str, ...], message: str, lock_wait: int | None) -> None:
    """Refuse deploys to the hosts of TARGET until `homeport unlock`, also after a reboot.

    Deploys, rollbacks and restarts then end with status 4, and say who refused them and why. The live release goes on
    serving. While a deploy runs, this command ends with status 4 too, or waits for it with --lock-wait.
    """
    data = {"_message": message, "lock_wait_seconds": lock_wait}
    follow(command_line("lock", target, limit, data), yes=True, wording=Wording("hold deploys", "locked"))


@click.command(epilog="\b\nExample:\n  homeport unlock production")
@target_options
def unlock(target: str, limit: tuple[str, ...]) -> None:
    """Allow deploys to the hosts of TARGET again, whoever refused them.

    You do not need it after a deploy that was killed: the lock of a run ends with the run.
    """
    follow(command_line("unlock", target, limit, {}), yes=True, wording=Wording("let deploys go on", "unlocked"))

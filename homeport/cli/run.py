"""`homeport run`. Thin; the work is `homeport.entries.run` here and the host program there."""

from __future__ import annotations

import json
import os
import sys

import click

from homeport.cli.processes import inventory, target_options

EXAMPLES = """\b
Examples:
  homeport run production -- python            a Python prompt with the application's code and variables
  homeport run production -- alembic current
  homeport run production --limit web2.example.com -- sh -c 'du -sh $STATE_DIRECTORY'
  homeport run production -- sh -c 'cat >/var/lib/notes/import.csv' <import.csv
"""


@click.command(epilog=EXAMPLES, context_settings={"ignore_unknown_options": True})
@target_options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(target: str, limit: tuple[str, ...], command: tuple[str, ...]) -> None:
    """Run COMMAND on one host of TARGET, in the live release: its code, packages, variables and secrets.

    It runs as the application's user, in a sandbox and under limits like the application's, beside it. The host is
    the one that migrates the database, or one that you name with --limit. COMMAND has a terminal if you have one;
    its exit status is that of COMMAND. Ctrl-C also stops it on the host.
    """
    words = [
        sys.executable,
        "-m",
        "homeport.entries.run",
        inventory(target),
        json.dumps({"limit": list(limit)}),
        *command,
    ]
    os.execv(words[0], words)  # noqa: S606 - so that terminal, signals and status are the command's

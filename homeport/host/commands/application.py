"""Commands for an application apart from releases: a command run in it, maintenance, a check of its migrations."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable

from ..system import output
from ..system.layout import Layout


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], app: Callable[[str], str]) -> None:
    """Add the commands to the program's command line; `app` checks the name of an application."""
    run = commands.add_parser("run", help="run a command in the live release's environment and sandbox")
    run.set_defaults(run=run_command)
    run.add_argument("--app", required=True, type=app)
    run.add_argument("--unit", default=f"homeport-run-{os.getpid()}", help="name of its transient unit")
    run.add_argument("--terminal", default="", metavar="TERM", help="the type of the terminal that it has, if any")
    run.add_argument("words", nargs="+", metavar="COMMAND")
    maintenance_parser = commands.add_parser(
        "maintenance", help="show visitors a page with status 503, or say who has that done"
    )
    maintenance_parser.set_defaults(run=set_maintenance)
    maintenance_parser.add_argument("--app", required=True, type=app)
    maintenance_parser.add_argument("--by", default="", help="who asks")
    maintenance_parser.add_argument("--message", default="", help="why, for those who come")
    maintenance_parser.add_argument("what", choices=("on", "off", "show"))
    retry = commands.add_parser("retry", help="start again what has failed of a live slot (for its unit)")
    retry.set_defaults(run=retry_start)
    retry.add_argument("place", metavar="APP:SLOT")
    text = "tell whether the database has all of a release's migrations (for the migration script, which pipes in both)"
    check = commands.add_parser("check-revisions", help=text)
    check.set_defaults(run=check_revisions)
    check.add_argument("--app", required=True, type=app)
    check.add_argument("--release", required=True)


def run_command(options: argparse.Namespace, given: list[str]) -> int:
    """Run a command, and return its exit status."""
    from ..release import live_command

    return live_command.run(Layout(options.app), options.unit, options.words, terminal=options.terminal)


def set_maintenance(options: argparse.Namespace, given: list[str]) -> int:
    """Begin, end or show maintenance."""
    from ..proxies import maintenance

    layout = Layout(options.app)
    if options.what == "show":
        output.say(json.dumps({"maintenance": maintenance.read(layout)}))
        return 0
    output.copy_to_journal(options.app)
    if options.what == "on":
        maintenance.turn_on(layout, options.by, options.message)
        output.say(f"{options.app}: visitors get the maintenance page from now on; the health path still answers")
    else:
        note = maintenance.turn_off(layout)
        was_on = note is not None
        output.say(
            f"{options.app}: visitors {'get the application again' if was_on else 'got the application already'}"
        )
    return 0


def hold_requests(options: argparse.Namespace, given: list[str]) -> int:
    """Let requests wait for their application, on the socket that systemd has opened."""
    from ..proxies.model import holding

    holding.run()
    return 0


def retry_start(options: argparse.Namespace, given: list[str]) -> int:
    """Start what has failed of a live slot, until it is up."""
    from ..release import retrying

    app, slot = retrying.place(options.place)
    output.copy_to_journal(app)
    retrying.retry(Layout(app), slot)
    return 0


def check_revisions(options: argparse.Namespace, given: list[str]) -> int:
    """Read lines from standard input: `at REVISION…` for each version table, `has REVISION PARENT…` for each migration.

    Raises HostError unless the database has all of these migrations.
    """
    from ..data import revisions

    lines = [line.split() for line in sys.stdin]
    databases = [words[1:] for words in lines if words[:1] == ["at"]]
    own = {words[1]: frozenset(words[2:]) for words in lines if words[:1] == ["has"]}
    revisions.check(own, databases, revisions.known(Layout(options.app)))
    return 0

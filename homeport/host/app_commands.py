"""What a person does to an application apart from releases: run a command in it, close it for maintenance."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable

from . import output
from .layout import Layout


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], app: Callable[[str], str]) -> None:
    """Add the commands to the program's command line; `app` checks the name of an application."""
    run = commands.add_parser("run", help="run a command in the live release's environment and sandbox")
    run.set_defaults(run=run_command)
    run.add_argument("--app", required=True, type=app)
    run.add_argument("--unit", default=f"homeport-run-{os.getpid()}", help="name of its transient unit")
    run.add_argument("--terminal", default="", metavar="TERM", help="the type of the terminal that it has, if any")
    run.add_argument("words", nargs="+", metavar="COMMAND")
    closing = commands.add_parser("maintenance", help="show visitors a page with status 503, or say who has that done")
    closing.set_defaults(run=keep_out)
    closing.add_argument("--app", required=True, type=app)
    closing.add_argument("--by", default="", help="who asks")
    closing.add_argument("--message", default="", help="why, for those who come")
    closing.add_argument("what", choices=("on", "off", "show"))


def run_command(options: argparse.Namespace, given: list[str]) -> int:
    """Run a command, and return its exit status."""
    from . import one_off

    return one_off.run(Layout(options.app), options.unit, options.words, terminal=options.terminal)


def keep_out(options: argparse.Namespace, given: list[str]) -> int:
    """Begin, end or show maintenance."""
    from . import maintenance

    layout = Layout(options.app)
    if options.what == "show":
        output.say(json.dumps({"maintenance": maintenance.read(layout)}))
        return 0
    output.copy_to_journal(options.app)
    if options.what == "on":
        maintenance.turn_on(layout, options.by, options.message)
        output.say(f"{options.app}: visitors get the maintenance page from now on; the health path answers as ever")
    else:
        note = maintenance.turn_off(layout)
        output.say(f"{options.app}: {'visitors are let in again' if note is not None else 'visitors were let in'}")
    return 0

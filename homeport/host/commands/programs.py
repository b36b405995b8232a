"""Commands for what supervisord runs: the start of a program, its state; supervisord itself calls the first ones."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from ..system.layout import Layout


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], app: Callable[[str], str]) -> None:
    """Add the commands to the program's command line; `app` checks the name of an application."""
    for name, run, text in (
        ("run-program", run_program, "become the process of a unit (for supervisord)"),
        ("enter-program", enter_program, "the second half of that, in its scope"),
        ("start-program", start_program, "start what supervisord runs, and return when it is up"),
    ):
        command = commands.add_parser(name, help=text)
        command.set_defaults(run=run)
        command.add_argument("unit")
    every = commands.add_parser("start-programs", help="start the live slot (for supervisord, when it starts)")
    every.set_defaults(run=start_programs)
    every.add_argument("--app", required=True, type=app)
    shown = commands.add_parser("show-units", help="print the state of units as systemctl show does; reads only")
    shown.set_defaults(run=show_units)
    shown.add_argument("units", nargs="+", metavar="UNIT")


def run_program(options: argparse.Namespace, given: list[str]) -> int:
    """Become the process of a unit."""
    from ..release import supervised

    supervised.run(options.unit)


def enter_program(options: argparse.Namespace, given: list[str]) -> int:
    """Become it, in its scope."""
    from ..release import supervised_process

    supervised_process.enter(options.unit)


def start_program(options: argparse.Namespace, given: list[str]) -> int:
    """Start a unit's program, and return when it is up or has failed."""
    from ..services import program_start

    return program_start.start([options.unit]).returncode


def start_programs(options: argparse.Namespace, given: list[str]) -> int:
    """Start what is to run."""
    from ..release import supervised

    supervised.start_all(Layout(options.app))
    return 0


def show_units(options: argparse.Namespace, given: list[str]) -> int:
    """Print the properties of units, a block each."""
    from ..services import units

    for one in units.show_all(options.units):
        print("", *(f"{name}={value}" for name, value in one.items()), sep="\n")
    return 0

"""The command `logs` of the host program: options in, JSON out."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable

from ..system import output
from ..system.layout import Layout


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], app: Callable[[str], str]) -> None:
    """Add the command to the program's parser; `app` checks the name of an application."""
    command = commands.add_parser("logs", help="print what was written, as JSON")
    command.set_defaults(run=run)
    command.add_argument("--app", required=True, type=app)
    command.add_argument("--source", action="append", default=[], type=_source, help="repeatable; default: all")
    command.add_argument("--lines", type=int, default=100, help="at most so many, the newest ones (default 100)")
    command.add_argument("--since", type=float, metavar="SECONDS", help="not before this moment (since 1970)")
    command.add_argument("--until", type=float, metavar="SECONDS", help="not after this moment (since 1970)")
    command.add_argument("--grep", default="", type=_pattern, help="only with this regular expression")
    command.add_argument("--after", default="", metavar="POSITION", help="what came after an earlier call's position")


def run(options: argparse.Namespace, given: list[str]) -> int:
    """Print the lines and the position after them."""
    from ..reports import logs

    query = logs.LogQuery(
        sources=tuple(options.source) or logs.SOURCES,
        lines=max(options.lines, 0),
        since=options.since,
        until=options.until,
        grep=options.grep,
    )
    output.say(json.dumps(logs.read(Layout(options.app), query, options.after)))
    return 0


def _source(name: str) -> str:
    from ..reports import logs

    if name not in logs.SOURCES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(logs.SOURCES)}")
    return name


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None
    return text

"""What a person asks of a host apart from deploys: to hold them, to restart, to list. Options in, exit status out."""

from __future__ import annotations

import argparse
import json

from . import handlers, holding, output
from .layout import Layout


def restart(options: argparse.Namespace, given: list[str]) -> int:
    """Give the live release new processes."""
    from .restarting import restart

    def work(layout: Layout, release: str, by: str) -> None:
        restart(layout, by, new_slot=options.new_slot)

    return handlers.alone(options, given, work)


def releases(options: argparse.Namespace, given: list[str]) -> int:
    """Print the releases, as JSON."""
    from .history import overview

    output.say(json.dumps(overview(Layout(options.app))))
    return 0


def hold(options: argparse.Namespace, given: list[str]) -> int:
    """Hold deploys."""
    holding.hold(Layout(options.app), options.by, options.message)
    output.say(f"{options.app}: deploys are held until unlock")
    return 0


def unhold(options: argparse.Namespace, given: list[str]) -> int:
    """Let deploys go on."""
    holder = holding.unhold(Layout(options.app))
    said = "nobody held deploys" if holder is None else f"deploys may go on; they were {holding.describe(holder)}"
    output.say(f"{options.app}: {said}")
    return 0

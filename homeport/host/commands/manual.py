"""Commands that a person runs on a host apart from deploys: hold, restart, list. Options in, exit status out."""

from __future__ import annotations

import argparse
import json

from ..release import deploy_hold
from ..system import output
from ..system.layout import Layout, MachineLayout
from . import deploys


def restart(options: argparse.Namespace, given: list[str]) -> int:
    """Give the live release new processes."""
    from ..release.restarting import restart

    def work(layout: Layout, release: str, by: str) -> None:
        restart(layout, by, new_slot=options.new_slot)

    return deploys.alone(options, given, work)


def releases(options: argparse.Namespace, given: list[str]) -> int:
    """Print the releases, as JSON."""
    from ..reports.release_history import overview

    output.say(json.dumps(overview(Layout(options.app))))
    return 0


def previews(options: argparse.Namespace, given: list[str]) -> int:
    """Print the previews of an application, as JSON."""
    from ..reports.previews import previews

    output.say(json.dumps({"app": options.app, "previews": previews(MachineLayout(), options.app)}))
    return 0


def hold(options: argparse.Namespace, given: list[str]) -> int:
    """Hold deploys."""
    deploy_hold.hold(Layout(options.app), options.by, options.message)
    output.say(f"{options.app}: deploys are held until homeport unlock")
    return 0


def unhold(options: argparse.Namespace, given: list[str]) -> int:
    """Let deploys go on."""
    holder = deploy_hold.unhold(Layout(options.app))
    result = (
        "deploys were not held" if holder is None else f"deploys may go on; they were {deploy_hold.describe(holder)}"
    )
    output.say(f"{options.app}: {result}")
    return 0

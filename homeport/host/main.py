"""The command line of the host program; `homeport-host --help` lists it.

Exit status: 0 done, or nothing to do; 1 failed, with the cause in the line that starts with `error:`; 2 wrong usage;
3 no, from may-run and is-live; 4 another run holds the application's lock.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence

from .commands import access, application, deploys, logs, manual, programs, upgrades
from .system import file_errors, output, transient_unit
from .system.layout import SLOTS
from .system.output import HostError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Without LANGUAGE, argparse looks for a translation of each of its words, in many places.
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C.UTF-8", LANGUAGE="C")
    options = parser().parse_args(given)
    try:
        status: int = options.run(options, given)
    except HostError as error:
        output.complain(error, where(options))
        return error.exit_status
    except OSError as error:
        output.complain(file_errors.explained(error), where(options))
        return 1
    return status


def where(options: argparse.Namespace) -> str:
    """Return what an error is about: `APP: release ID`, as far as the command names them."""
    release = getattr(options, "release", None)
    app = getattr(options, "app", "homeport-host")
    return f"{app}: release {release}" if release else str(app)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(prog="homeport-host", description="homeport's program on this host.")
    top.add_argument(transient_unit.INSIDE, dest="in_unit", action="store_true", help=argparse.SUPPRESS)
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for name, run, text in (
        ("start", deploys.start, "bring a release up, healthy, beside the live one"),
        ("commit", deploys.commit, "make the started release the live one and end the other"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run, action=name)
        _add_release_options(command)
        command.add_argument(
            "--rollback", action="store_true", help="go back: refuse what never was good, and mark what is left"
        )
        command.add_argument("--again", action="store_true", help="although it is live (a restart in the other slot)")
        if name == "start":
            text = "and commit it then, if the run with this mark still holds the deploy lock"
            command.add_argument("--commit", default="", metavar="RUN", help=text)
    _add_gates(commands)
    _add_upkeep(commands)
    _add_proxy(commands)
    _add_expiry(commands)
    _add_by_hand(commands)
    programs.add(commands, _app)
    access.add(commands)
    application.add(commands, _app)
    logs.add(commands, _app)
    return top


def _add_release_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--app", required=True, type=_app)
    command.add_argument("--release", required=True, type=_release)
    command.add_argument("--by", default="", help="who asked, for the log (default: who made the release)")
    _add_lock_wait(command)


def _add_lock_wait(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--lock-wait", type=float, default=0.0, metavar="SECONDS", help="how long to wait for another run (default 0)"
    )


def _add_pins(command: argparse.ArgumentParser) -> None:
    text = "a release that is never removed; may be repeated"
    command.add_argument("--pin", action="append", default=[], type=_release, metavar="RELEASE", help=text)


def _add_gates(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    gate = commands.add_parser("wait-healthy", help="wait until the health path answers (for ExecStartPost=)")
    gate.set_defaults(run=deploys.wait_healthy)
    gate.add_argument("--app", required=True, type=_app)
    gate.add_argument("--port", required=True, type=int)
    gate.add_argument("--path", required=True)
    gate.add_argument("--status", required=True, type=int)
    gate.add_argument("--successes", required=True, type=int)
    gate.add_argument("--timeout", required=True, type=float, metavar="SECONDS")
    gate.add_argument("--main-pid", required=True, help="empty: the process is gone already")
    for name, run, text in (
        ("may-run", deploys.may_run, "tell whether a slot may run (for ExecCondition=)"),
        ("is-live", deploys.is_live, "tell whether a slot is the live one (for ExecCondition=)"),
    ):
        condition = commands.add_parser(name, help=text)
        condition.set_defaults(run=run)
        condition.add_argument("--app", required=True, type=_app)
        condition.add_argument("--slot", required=True, choices=SLOTS)


def _add_upkeep(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    status = commands.add_parser("status", help="print what runs, as JSON")
    status.set_defaults(run=deploys.status)
    status.add_argument("--app", required=True, type=_app)
    status.add_argument("--json", action="store_true", help="the only form there is")
    usage = commands.add_parser("record-usage", help="write down how much of the machine is used (for the timer)")
    usage.set_defaults(run=deploys.record_usage)
    facts = commands.add_parser("facts", help="print what a deploy must know, tab-separated; reads only")
    facts.set_defaults(run=deploys.facts)
    facts.add_argument("--app", required=True, type=_app)
    facts.add_argument("--keep", required=True, type=int, help="as for prune")
    _add_pins(facts)
    facts.add_argument("--coming", default="", type=_release, help="the release that is about to go live")
    contents = commands.add_parser("contents", help="print SHA-256, x or -, and path of the files of a release")
    contents.set_defaults(run=deploys.contents)
    contents.add_argument("--app", required=True, type=_app)
    contents.add_argument("--release", required=True, type=_release)
    prune = commands.add_parser("prune", help="remove old releases and unused environments")
    prune.set_defaults(run=deploys.prune)
    prune.add_argument("--app", required=True, type=_app)
    prune.add_argument("--keep", required=True, type=int, help="how many good ones to keep")
    _add_pins(prune)
    prune.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    prune.add_argument(
        "--leftover-age",
        type=float,
        default=3600.0,
        metavar="SECONDS",
        help="how old must be what is half-made or was never started (default 3600)",
    )
    _add_lock_wait(prune)


def _add_expiry(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    expire = commands.add_parser("expire", help="stop what was started and never made live (for the timer of `start`)")
    expire.set_defaults(run=deploys.expire, action="expire")
    _add_release_options(expire)


def _add_by_hand(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    restart = commands.add_parser("restart", help="give the live release new processes, without a lost request")
    restart.set_defaults(run=manual.restart, action="restart", release="")
    restart.add_argument("--new-slot", action="store_true", help="in the other slot, also with several workers")
    _add_lock_wait(restart)
    releases = commands.add_parser("releases", help="print the releases and what became of them, as JSON")
    releases.set_defaults(run=manual.releases)
    releases.add_argument("--json", action="store_true", help="the only form there is")
    previews = commands.add_parser("previews", help="print the previews of an application, as JSON")
    previews.set_defaults(run=manual.previews)
    hold = commands.add_parser("hold", help="hold deploys until unhold")
    hold.set_defaults(run=manual.hold)
    hold.add_argument("--message", default="", help="why, for those who come")
    unhold = commands.add_parser("unhold", help="let deploys go on")
    unhold.set_defaults(run=manual.unhold)
    for command in (restart, releases, previews, hold, unhold):
        command.add_argument("--app", required=True, type=_app)
    for command in (restart, hold, unhold):
        command.add_argument("--by", default="", help="who asks")


def _add_proxy(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    renew = commands.add_parser("renew", help="renew our certificates that are due (for homeport-renew.service)")
    renew.set_defaults(run=deploys.renew)
    reload = commands.add_parser("reload-proxy", help="have the proxy serve what is on the disk, if it does not")
    reload.set_defaults(run=deploys.reload_proxy)
    reload.add_argument("--proxy", default="", help="which one, where that is not the machine's by its record")
    upgrade = commands.add_parser("use-upgrades", help="have what runs use what upgrades have put on the disk")
    upgrade.set_defaults(run=upgrades.use_upgrades)
    upgrade.add_argument("what", choices=("proxy", "all"))
    run = commands.add_parser("package-run", help="keep packages from restarting the proxy (for apt)")
    run.set_defaults(run=upgrades.package_run)
    run.add_argument("moment", choices=("begin", "end"))
    held = commands.add_parser("hold-requests", help="let requests wait for their application (for systemd's socket)")
    held.set_defaults(run=application.hold_requests)
    stamp = commands.add_parser("stamp-proxy", help="remember what the proxy reads (for its unit)")
    stamp.set_defaults(run=deploys.stamp_proxy)
    stamp.add_argument("moment", choices=("start", "before-reload", "after-reload"))
    # A proxy that takes another one's place starts before the machine's record names it.
    stamp.add_argument("--proxy", default="nginx", help="whose unit that is (nginx unless told)")


def _app(value: str) -> str:
    # As homeport.settings has it; the value becomes part of paths and unit names.
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}[a-z0-9]", value):
        raise argparse.ArgumentTypeError(f"{value!r} is not the name of an application")
    return value


def _release(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
        raise argparse.ArgumentTypeError(f"{value!r} is no release id")
    return value

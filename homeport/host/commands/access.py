"""The commands of the dead man's switch, as `homeport-host` has them."""

from __future__ import annotations

import argparse
import re


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them to the command line."""
    apply = commands.add_parser(
        "apply-access", help="change firewall and sshd; the change is taken back unless confirmed"
    )
    apply.set_defaults(run=_apply)
    confirm = commands.add_parser("confirm-access", help="keep that change: somebody came in by a new connection")
    confirm.set_defaults(run=_confirm)
    confirm.add_argument("--token", required=True, type=_token)
    restore = commands.add_parser("restore-access", help="take back a change that nobody has confirmed")
    restore.set_defaults(run=_restore)
    restore.add_argument("--token", type=_token, help="only this change")
    restore.add_argument("--at-boot", action="store_true", help="only one of an earlier boot, and only its files")
    for command in (apply, confirm, restore):
        command.set_defaults(app="access")


def _apply(options: argparse.Namespace, given: list[str]) -> int:
    from ..machine import access

    access.apply(access.from_standard_input())
    return 0


def _confirm(options: argparse.Namespace, given: list[str]) -> int:
    from ..machine import access

    access.confirm(options.token)
    return 0


def _restore(options: argparse.Namespace, given: list[str]) -> int:
    from ..machine import access

    access.restore(options.token, at_boot=options.at_boot)
    return 0


def _token(value: str) -> str:
    # It becomes part of a unit's name.
    if not re.fullmatch(r"[0-9a-f]{8,32}", value):
        raise argparse.ArgumentTypeError(f"{value!r} is no token")
    return value

"""The part of the snapshot's parser for access: firewall, listeners, sshd, accounts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from homeport.host.system import listening
from homeport.state.listeners import Listener, OpenPorts, open_ports
from homeport.state.logins import KeyKind, Logins, OtherAccount, Sshd
from homeport.state.snapshot import Login

KEYS: dict[str, KeyKind] = {"key": "key", "weak": "weak"}
PROTOCOLS = ("tcp", "udp")


def access_found(rows: Mapping[str, list[list[str]]]) -> dict[str, Any]:
    """Return the fields of a snapshot that are about who gets in."""
    return {
        "sshd": sshd_settings(rows["sshd"]),
        "login": next((Login(user, tuple(groups.split()), key == "key") for user, groups, key in rows["login"]), None),
        "firewall": next((row[0] for row in rows["firewall"]), ""),
        "access_pending": "access_pending" in rows,
        "shares": dict(_shares(row[0]) for row in rows["shares"]),
        "listeners": _listeners(row[0] for row in rows["socket"]),
        "openings": _openings(rows["opening"]),
        "logins": _logins(rows),
    }


def _logins(rows: Mapping[str, list[list[str]]]) -> Logins:
    return Logins(
        other_accounts=tuple(
            OtherAccount(user, tuple(groups.split()), KEYS.get(key, ""), bool(password))
            for user, groups, key, password in rows["colleague"]
        ),
        before=_by_account(rows["before"]),
        after=_by_account(rows["after"]),
        refused=next((row[0] for row in rows["refused"]), ""),
        takes_passwords=["yes"] in rows["staged"],
        directory=next((row[0] for row in rows["directory"]), ""),
        host_keys=tuple(row[0] for row in rows["host_key"]),
    )


def _by_account(rows: Iterable[Sequence[str]]) -> dict[str, Sshd]:
    accounts: dict[str, list[Sequence[str]]] = {}
    for user, *setting in rows:
        accounts.setdefault(user, []).append(setting)
    return {user: sshd_settings(settings) for user, settings in accounts.items()}


def _listeners(lines: Iterable[str]) -> tuple[Listener, ...]:
    """Return what listens, of the lines of `ss`; of several processes that have a socket the first is named."""
    return tuple(
        dict.fromkeys(
            Listener(one.kind if one.kind in PROTOCOLS else "ip", one.port, one.address, next(iter(one.programs), ""))
            for one in listening.parse(lines)
        )
    )


def _openings(rows: Iterable[Sequence[str]]) -> dict[str, tuple[OpenPorts, ...]]:
    """Return what each application has open, of rows of application, protocol and ports (`80`, `8000-8010`)."""
    found: dict[str, tuple[OpenPorts, ...]] = {}
    for app, protocol, ports in rows:
        found[app] = (*found.get(app, ()), open_ports(protocol, ports))
    return found


def sshd_settings(rows: Iterable[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return sshd's settings, each with all values that it has, of rows of a keyword and one value."""
    found: dict[str, tuple[str, ...]] = {}
    for key, value in rows:
        found[key] = (*found.get(key, ()), value)
    return found


def _shares(text: str) -> tuple[str, tuple[str, ...]]:
    """Return an application and what it wants that all on the machine share; none for a file that is damaged."""
    try:
        raw = cast("dict[str, Any]", json.loads(text))
        return str(raw["app"]), tuple(map(str, raw["shares"]))
    except (ValueError, KeyError, TypeError):
        return "", ()

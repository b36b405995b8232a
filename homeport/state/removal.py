"""A host's answer about a removal before it is done (`homeport.removal.main`), as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from homeport.state.changes import Change

Notes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Removal:
    """What would be done to the application and to the machine, and which files decide who gets in (`access`).

    `kept` is what stays, `lost` what cannot be brought back, each with the reason; `problems` keep it from being
    done; `domains` are the names of the application's site.
    """

    access: tuple[str, ...] = ()
    application: tuple[Change, ...] = ()
    machine: tuple[Change, ...] = ()
    kept: Notes = ()
    lost: Notes = ()
    others: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


def parse(raw: Mapping[str, Any]) -> Removal:
    """Return what the host has printed; raise KeyError, TypeError or ValueError when it is not that."""
    return Removal(
        access=tuple(map(str, raw["access"])),
        application=_changes(raw["application"]),
        machine=_changes(raw["machine"]),
        kept=_notes(raw["kept"]),
        lost=_notes(raw["lost"]),
        others=tuple(map(str, raw["others"])),
        problems=tuple(map(str, raw["problems"])),
        domains=tuple(map(str, raw["domains"])),
    )


def _changes(rows: Iterable[Any]) -> tuple[Change, ...]:
    return tuple(Change(str(action), str(what), str(reason)) for action, what, reason in rows)


def _notes(rows: Iterable[Any]) -> Notes:
    return tuple((str(what), str(why)) for what, why in rows)

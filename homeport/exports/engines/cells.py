"""What the table "setting × ground" is written with: its columns, and its three kinds of cells. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ENGINES = ("container", "docker", "quadlet", "compose", "swarm", "kubernetes", "nomad")
# An engine that is mostly like another, whose cells it has where its own column (`own_columns`) says nothing else.
LIKE = {"quadlet": "docker", "swarm": "compose", "nomad": "kubernetes"}
Kind = Literal["kept", "refused", "no meaning"]


@dataclass(frozen=True)
class Cell:
    """What becomes of a setting, and how, or why not."""

    kind: Kind
    words: str


def kept(words: str) -> Cell:
    """Return the cell of a setting that is translated."""
    return Cell("kept", words)


def refused(words: str) -> Cell:
    """Return the cell of a setting whose value cannot be kept."""
    return Cell("refused", words)


def nothing(words: str) -> Cell:
    """Return the cell of a setting that there is nothing for."""
    return Cell("no meaning", words)


def row(*cells: Cell) -> Mapping[str, Cell]:
    """Return the cells of a setting by engine; one alone is that of all.

    Else they are those of the engines that are like no other.
    """
    plain = [name for name in ENGINES if name not in LIKE]
    given = dict(zip(plain, cells * len(plain) if len(cells) == 1 else cells, strict=True))
    return {name: given[LIKE.get(name, name)] for name in ENGINES}


def here_and(on_machines: Cell, cluster: Cell) -> Mapping[str, Cell]:
    """Return the cells of a setting that is one thing on one machine and another on a cluster."""
    return row(on_machines, on_machines, on_machines, cluster)

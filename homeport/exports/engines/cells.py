"""What the table "setting × ground" is written with: its columns, and its three kinds of cells. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ENGINES = ("container", "docker", "compose", "kubernetes")
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
    """Return the cells of a setting by engine; one alone is that of all."""
    return dict(zip(ENGINES, cells * len(ENGINES) if len(cells) == 1 else cells, strict=True))


def here_and(on_machines: Cell, cluster: Cell) -> Mapping[str, Cell]:
    """Return the cells of a setting that is one thing on one machine and another on a cluster."""
    return row(on_machines, on_machines, on_machines, cluster)

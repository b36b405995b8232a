"""Which fault comes when: decks of cards, shuffled by a seed that repeats them. Pure."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from benchmarks.soak.faults import KINDS

PAUSE_SECONDS = (0.3, 2.0)


@dataclass(frozen=True)
class Planned:
    """A fault to come: after a pause, with dice of its own, so that what others threw does not change it."""

    number: int
    kind: str
    pause_seconds: float
    dice: random.Random


def planned(seed: int, kinds: Collection[str]) -> Iterator[Planned]:
    """Yield faults without end; each kind comes as often as it has cards, before any comes more often."""
    number = 0
    while True:
        for kind in deck(seed, number, kinds):
            number += 1
            yield one(seed, number, kind)


def one(seed: int, number: int, kind: str) -> Planned:
    """Return the fault with this number, of this kind."""
    dice = random.Random(f"{seed} {number} {kind}")  # noqa: S311
    return Planned(number, kind, dice.uniform(*PAUSE_SECONDS), dice)


def deck(seed: int, number: int, kinds: Collection[str]) -> list[str]:
    """Return the cards of these kinds in the order that the seed gives them after fault `number`."""
    cards = [name for name, kind in KINDS.items() if name in kinds for _ in range(kind.cards)]
    random.Random(f"{seed} {number}").shuffle(cards)  # noqa: S311
    return cards

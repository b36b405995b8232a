"""Faults for which a machine needs a kernel of its own: its clock goes wrong, its disk is slow."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.soak.breaking import Action, Outcome
from benchmarks.soak.stage import Stage


@contextmanager
def stepped(stage: Stage, dice: random.Random) -> Iterator[str]:
    """Have the machine's clock go wrong by minutes, hours or a day while the block runs; yield by how much."""
    seconds = dice.choice((-1, 1)) * dice.choice((90, 3600, 26 * 3600))
    _set_clock(stage, seconds)
    try:
        yield f"by {seconds} s"
    finally:
        _set_clock(stage)


def _set_clock(stage: Stage, ahead: int = 0) -> None:
    """Set the machine's clock so many seconds ahead of this computer's; a boot does not go back behind it."""
    stage.seen.shell(f"date -s @{int(time.time()) + ahead} >/dev/null; touch -c /var/lib/systemd/timesync/clock")


def clock_step(stage: Stage, dice: random.Random) -> Outcome:
    """Set the clock, and set it right some seconds later."""
    with stepped(stage, dice) as remark:
        time.sleep(dice.uniform(2, 20))
    return Outcome(remark=remark)


@contextmanager
def slowed(stage: Stage, dice: random.Random) -> Iterator[str]:
    """Have all services and sessions of the machine get so few operations of its disk a second while the block runs."""
    writes = dice.choice((10, 20, 40))
    limits = f"'IOWriteIOPSMax=/dev/vda {writes}' 'IOReadIOPSMax=/dev/vda {writes * 4}'"
    both = "for slice in system.slice user.slice; do systemctl set-property --runtime $slice %s; done"
    stage.seen.shell(both % limits + "; grep -q wiops /sys/fs/cgroup/system.slice/io.max")
    try:
        yield f"{writes} writes a second"
    finally:
        stage.seen.shell(both % "IOWriteIOPSMax= IOReadIOPSMax=")


def slow_disk(stage: Stage, dice: random.Random) -> Outcome:
    """Have a disk that is slow for a while."""
    with slowed(stage, dice) as remark:
        time.sleep(dice.uniform(5, 30))
    return Outcome(remark=remark)


ACTIONS: dict[str, Action] = {"clock step": clock_step, "slow disk": slow_disk}

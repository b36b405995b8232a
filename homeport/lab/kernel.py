"""The settings of the machine's kernel that labs need: raised by the first lab, put back by the last one.

The values from before are noted in /run, so they are known after a crash too, and gone after a reboot as the changes
are.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATE = Path("/run/homeport-lab")
KERNEL = Path("/proc/sys")
# A host's systemd takes about six inotify instances of the 128 that root usually has.
LEAST = {"net/ipv4/ip_forward": 1, "fs/inotify/max_user_instances": 2048}


@contextmanager
def machine_lock() -> Iterator[None]:
    """Keep other labs of this machine from choosing a network, or from changing shared settings, at the same time."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def raise_settings() -> None:
    """Raise what is too low, and note what it was. To be called with the machine's lock held."""
    values = {name: int((KERNEL / name).read_text()) for name in LEAST}
    low = {name: value for name, value in values.items() if value < LEAST[name]}
    if low:
        _note().write_text(json.dumps(_noted() | low))
    for name in low:
        (KERNEL / name).write_text(f"{LEAST[name]}\n")


def restore_settings() -> None:
    """Put back what was noted. To be called with the machine's lock held, when no lab is left."""
    for name, value in _noted().items():
        (KERNEL / name).write_text(f"{value}\n")
    _note().unlink(missing_ok=True)


def _note() -> Path:
    return STATE / "kernel.json"


def _noted() -> dict[str, int]:
    return dict(json.loads(_note().read_text())) if _note().exists() else {}

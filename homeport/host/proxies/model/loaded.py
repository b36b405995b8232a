"""What a proxy has read of its configuration, remembered as a digest: so whether it serves what is on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ...system.layout import MachineLayout


class Loaded(NamedTuple):
    """Where a proxy, by its name, has written down what it has read."""

    name: str

    def note(self, machine: MachineLayout) -> Path:
        """Return the file that has the digest of what it has read."""
        return machine.runtime / f"{self.name}.loaded"

    def pending(self, machine: MachineLayout) -> Path:
        """Return the file that says what it is about to read, while it is reloaded."""
        return machine.runtime / f"{self.name}.reloading"

    def is_noted(self, machine: MachineLayout, digest: str) -> bool:
        """Tell whether it has read what has this digest."""
        return read(self.note(machine)) == digest


def digest(files: Iterable[Path]) -> str:
    """Return a digest of the files with their names, in whatever order they come."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def files_in(folder: Path) -> list[Path]:
    """Return all files in a folder and below it."""
    return [path for path in folder.rglob("*") if path.is_file()]


def pairs_of(machine: MachineLayout, sites: Iterable[Path]) -> list[Path]:
    """Return certificate and key of each application that has one of the `sites`, by its file's name."""
    apps = {path.stem for path in sites}
    return [path for path in machine.sites.glob("*/tls/*") if path.is_file() and path.parts[-3] in apps]


def read(path: Path) -> str:
    """Return the text of a note; "" when there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""

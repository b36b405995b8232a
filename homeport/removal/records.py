"""homeport's records of paths that it shares with others: who wrote which content, and copies of earlier files.

`/var/lib/homeport`: `written/APP` (`DIGEST  PATH`, as sha256sum writes it), `originals/PATH` (later ones `PATH.~N~`),
`unkept` (paths that an older homeport had taken without a copy), `units/UNIT` (disabled before homeport enabled it).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ..host.system import atomic
from ..host.system.layout import MachineLayout
from . import safe_removal

# The record of removed applications. No application's name has a dot.
OTHERS = "removed.applications"
HEADER, HEADER_LINES = b"Written by homeport", 3
NUMBERED = re.compile(r"(.*)\.~(\d+)~")


def folder(machine: MachineLayout) -> Path:
    """Return where the records are."""
    return machine.root / "var/lib/homeport"


def written(machine: MachineLayout) -> Path:
    """Return the folder with a list of written paths for each application."""
    return folder(machine) / "written"


def originals(machine: MachineLayout) -> Path:
    """Return the folder that has the copies."""
    return folder(machine) / "originals"


def units(machine: MachineLayout) -> dict[str, bool]:
    """Return the units that homeport has enabled and that were disabled before, and whether they were running then."""
    return {path.name: path.read_text().strip() == "active" for path in sorted((folder(machine) / "units").glob("*"))}


def lines(machine: MachineLayout) -> list[tuple[str, str]]:
    """Return digest and path of all that was written, by whichever application's deploy."""
    found = []
    for record in sorted(written(machine).glob("*")):
        for line in record.read_text(errors="replace").splitlines():
            digest, _, path = line.partition("  ")
            found.append((digest, path))
    return found


def unkept(machine: MachineLayout) -> set[str]:
    """Return the paths of which there never was a copy."""
    try:
        return set((folder(machine) / "unkept").read_text().splitlines())
    except FileNotFoundError:
        return set()


def copies(machine: MachineLayout) -> dict[Path, list[Path]]:
    """Return the copies of what was there, by the path that they are of, the newest first."""
    base, found = originals(machine), dict[Path, list[tuple[int, Path]]]()
    for copy in base.rglob("*"):
        if (copy.is_symlink() or not copy.is_dir()) and not copy.name.endswith(safe_removal.NEW):
            numbered = NUMBERED.fullmatch(copy.name)
            name, number = (numbered[1], int(numbered[2])) if numbered else (copy.name, 0)
            path = machine.root / copy.relative_to(base).with_name(name)
            found.setdefault(path, []).append((number, copy))
    return {path: [copy for _, copy in sorted(some, reverse=True)] for path, some in sorted(found.items())}


def is_ours(machine: MachineLayout, path: Path) -> bool:
    """Tell whether the content of a file is homeport's: by the record, or by its first lines."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    digest = hashlib.sha256(content).hexdigest()
    if (digest, shown(machine, path)) in set(lines(machine)):
        return True
    return any(HEADER in line for line in content.splitlines()[:HEADER_LINES])


def shown(machine: MachineLayout, path: Path) -> str:
    """Return a path as the host has it, whatever the root is here."""
    return f"/{path.relative_to(machine.root)}"


def forget(machine: MachineLayout, path: Path) -> None:
    """Take a path out of every list."""
    name = shown(machine, path)
    for record in [*written(machine).glob("*"), folder(machine) / "unkept"]:
        before = record.read_text(errors="replace").splitlines() if record.exists() else []
        after = [line for line in before if name not in (line, line.partition("  ")[2])]
        if after:
            atomic.write(record, "".join(f"{line}\n" for line in after).encode())
        else:
            atomic.remove(record)


def hand_over(machine: MachineLayout, record: Path) -> None:
    """Keep an application's list, without what is gone by now, for those that stay: what all share stands in it too."""
    if not record.exists():
        return
    left = [line for line in record.read_text(errors="replace").splitlines() if _is_there(machine, line)]
    others = written(machine) / OTHERS
    before = others.read_text().splitlines() if others.exists() else []
    if together := list(dict.fromkeys([*before, *left])):
        atomic.write(others, ("\n".join(together) + "\n").encode())
    atomic.remove(record)


def _is_there(machine: MachineLayout, line: str) -> bool:
    return safe_removal.is_there(machine.root / line.partition("  ")[2].lstrip("/"))

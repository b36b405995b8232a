"""Files that are checked under their final paths before they are put there.

Each real folder that they go to is copied, and the copy mounted over it in a namespace of the check's own: what is
written into the copies goes through no link to what is in use.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from subprocess import CompletedProcess

from ..system.file_errors import is_fixed, refusal
from ..system.output import HostError
from .units import run

MOUNTS = Path("/proc/self/mountinfo")
# Mounts as many pairs of folders as its first argument says, then executes the rest.
INSIDE = 'n=$1; shift; while [ "$n" -gt 0 ]; do mount --bind "$1" "$2" || exit; shift 2; n=$((n - 1)); done; exec "$@"'


class Stage:
    """Copies of folders below `place`, a folder for them alone; raises OSError where they cannot be made."""

    def __init__(self, place: Path):
        place.mkdir(mode=0o700, exist_ok=True)
        self._place = place
        self._copies: dict[Path, Path] = {}

    def copy(self, folder: Path) -> Path:
        """Return the copy of a folder; for a folder inside another one, the one inside that one's copy."""
        real = Path(os.path.realpath(folder))
        for known, copied in self._copies.items():
            if real == known or known in real.parents:
                return copied / real.relative_to(known)
        made = self._place / f"copy.{len(self._copies)}"
        made.mkdir(mode=0o700)
        if real.is_dir():
            shutil.copytree(real, made, symlinks=True, dirs_exist_ok=True)
        self._copies[real] = made
        return made

    def put(self, path: Path, content: bytes | None) -> None:
        """Stage a file with `content` at `path`, or none there (None)."""
        folder = self.copy(path.parent)
        folder.mkdir(parents=True, exist_ok=True)
        staged = folder / path.name
        staged.unlink(missing_ok=True)
        if content is not None:
            staged.write_bytes(content)

    def run(self, *command: str) -> CompletedProcess[str]:
        """Run a command that sees the staged files under their final paths."""
        pairs = [str(one) for real, copied in self._copies.items() for one in (copied, real)]
        return run("unshare", "--mount", "sh", "-c", INSIDE, "sh", str(len(self._copies)), *pairs, *command)


def check_targets(paths: Iterable[Path]) -> None:
    """Raise HostError when one of the files cannot be replaced: a mount point, or an immutable or append-only one."""
    mounted = {line.split()[4] for line in MOUNTS.read_text().splitlines()}
    for path in paths:
        if not os.path.lexists(path):
            continue
        real = Path(os.path.realpath(path.parent)) / path.name
        if str(real) in mounted:
            raise HostError(f"{real} is a mount point, and homeport cannot write a file over it; unmount it first")
        for one in (real, real.parent):
            if is_fixed(one):
                raise refusal(one)

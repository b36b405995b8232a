"""Diffs of files for `--diff`: what is on the host against what is wanted, secrets left out."""

from __future__ import annotations

import base64
import shlex
from difflib import unified_diff

from pyinfra import state
from pyinfra.api import FactBase

from homeport.operations.run import Run
from homeport.state.compare import FileChanges


class FileContents(FactBase[dict[str, str]]):
    """Read text files: path to content; a file that is not there is left out."""

    def command(self, paths: tuple[str, ...]) -> str:
        """Return the command that prints each file's content, in base64, and name."""
        names = " ".join(shlex.quote(path) for path in paths)
        return f'for f in {names}; do [ ! -f "$f" ] || printf "%s %s\\n" "=$(base64 -w 0 "$f")" "$f"; done'

    def process(self, output: list[str]) -> dict[str, str]:
        """Return the contents by path."""
        rows = (line.partition(" ") for line in output)
        return {path: base64.b64decode(content[1:]).decode(errors="replace") for content, _, path in rows}


def show_diff(run: Run, pending: FileChanges) -> None:
    """Show a diff of each file that changes, when pyinfra was called with --diff and only plans as yet."""
    if state.is_executing or not state.config.DIFF:
        return
    shown = [file for file in pending.files if not file.secret]
    found = run.host.get_fact(FileContents, tuple(file.path for file in shown), _sudo=run.sudo) or {}
    for file in shown:
        old, new = found.get(file.path, "").splitlines(), file.content.splitlines()
        for line in unified_diff(old, new, f"{file.path} (host)", f"{file.path} (wanted)", lineterm=""):
            run.host.log(f"    {line}")

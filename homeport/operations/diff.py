"""Diffs of files for `--diff`: what is on the host against what is wanted, secrets left out."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping
from difflib import unified_diff

from pyinfra import state
from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError

from homeport.comparison.compare import FileChanges
from homeport.controller import events
from homeport.operations.deploy_run import Run
from homeport.pyinfra_support.answers import after_mark, marked
from homeport.state.paths import AppPaths
from homeport.state.wanted import File


class FileContents(FactBase[dict[str, str]]):
    """Read text files: path to content; a file that is not there is left out."""

    def command(self, paths: tuple[str, ...]) -> str:
        """Return the command that prints each file's content, in base64, and name."""
        names = " ".join(shlex.quote(path) for path in paths)
        each = f'for f in {names}; do [ ! -f "$f" ] || printf "%s %s\\n" "=$(base64 -w 0 "$f")" "$f"; done'
        return marked(each)

    def process(self, output: list[str]) -> dict[str, str]:
        """Return the contents by path."""
        try:
            rows = [line.partition(" ") for line in after_mark(output)]
        except ValueError as error:
            raise FactProcessError(str(error)) from None
        return {
            path: base64.b64decode(content[1:]).decode(errors="replace")
            for content, _, path in rows
            if content.startswith("=")
        }


def show_diff(run: Run, pending: FileChanges) -> None:
    """Show a diff of each file that changes or goes, when pyinfra was called with --diff and only plans as yet."""
    gone = {path: File(path, "") for path in pending.absent if path in pending.taken_over}
    _show(run, {**{file.path: file for file in pending.files}, **gone})


def show_release_diff(run: Run) -> None:
    """Show likewise what the release has of its own under /etc (units, site) against the live one's.

    Its description is left out, and its name in the others: they differ between any two releases.
    """
    release, live = run.wanted.release, run.found.live_release
    if release is None:
        return
    names = {file: file.path.rpartition("/")[2] for file in release.etc}
    if live and live != release.id:
        folder = AppPaths(run.wanted.app).release_etc(live)
        _show(run, {f"{folder}/{name}": file for file, name in names.items() if name != "release.json"}, live)


def _show(run: Run, files: Mapping[str, File], live: str = "") -> None:
    """Show how each file that is wanted differs from what is on the host now, under a path that may be another."""
    if state.is_executing or not state.config.DIFF:
        return
    shown = {path: file for path, file in files.items() if not file.secret}
    found = run.host.get_fact(FileContents, tuple(shown), _sudo=run.sudo) or {}
    for path, file in shown.items():
        old = found.get(path, "").replace(live, run.wanted.release_id) if live else found.get(path, "")
        heads = f"{path} (host)", f"{file.path} (wanted)"
        lines = list(unified_diff(old.splitlines(), file.content.splitlines(), *heads, lineterm=""))
        if lines and events.are_wanted():
            events.emit("diff", host=run.host.name, path=file.path, lines=lines)
            continue
        for line in lines:
            run.host.log(f"    {line}")

"""Runs a block of a page as its reader would: command by command, in one shell, as far as the first surprise."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import Block, missing
from tests.pace import patience

PATIENCE_SECONDS = 300
PROMPT = "$ "
# What one block assigns the next one knows, as in the reader's terminal.
BEGIN = """set -u -o pipefail -o allexport
[ ! -e {state} ] || . {state}
said() {{ [ "$1" = "$2" ] || {{ echo "$4:$3: status $1 where the page says $2" >&2; exit 97; }}; }}
trap 'status=$?; {{ export -p; printf "cd %q\\n" "$PWD"; }} >{state}; exit $status' EXIT
"""


class PageError(AssertionError):
    """Something that the page did not say."""


@dataclass
class Shell:
    """A terminal: a folder and variables that outlast a block. `state` is a file of its own, `before` a command that
    runs what follows it, somewhere else.
    """

    folder: Path
    environment: Mapping[str, str]
    state: Path
    before: Sequence[str] = ()

    def run(self, block: Block, page: str) -> str:
        """Run the block and return what it printed; raise PageError when a status or the output is another one."""
        status, printed = self._run(self._script(block, page))
        if status:
            raise PageError(f"{page}:{block.line}: the block failed\n{printed}")
        theirs = "\n".join(line for line in printed.splitlines() if not line.startswith(PROMPT))
        if line := missing(block.output, theirs):
            raise PageError(f"{page}:{block.line}: it did not print: {line.strip()}\n{printed}")
        return printed

    def _script(self, block: Block, page: str) -> str:
        parts = [BEGIN.format(state=shlex.quote(str(self.state)))]
        for command in block.commands():
            shown = "\n".join(f"{PROMPT}{line}" for line in command.text.splitlines())
            parts.append(f"echo {shlex.quote(shown)}")
            parts.append(f"{command.text}\nsaid $? {command.status} {command.line} {shlex.quote(page)}")
        return "\n".join(parts)

    def _run(self, script: str) -> tuple[int, str]:
        process = subprocess.Popen(
            [*self.before, "bash", "-c", script],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            printed = process.communicate(timeout=patience(PATIENCE_SECONDS))[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return 1, f"{process.communicate()[0]}\nit did not end within {patience(PATIENCE_SECONDS):.0f} s"
        return process.returncode, printed

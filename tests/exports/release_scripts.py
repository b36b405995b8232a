"""A folder that is exported with a `release.sh`, and stand-ins for the programs that it calls, which write down how."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


class Scripted:
    """Where it is, and what its programs were told: the lines of `calls` in the folder `log`."""

    def __init__(self, folder: Path, programs: Mapping[str, str]):
        self.folder, self.log = folder / "exports", folder / "log"
        for one in (folder / "bin", self.log):
            one.mkdir()
        for name, script in programs.items():
            (folder / "bin" / name).write_text(script)
            (folder / "bin" / name).chmod(0o755)
        self.path = f"{folder / 'bin'}:{os.environ['PATH']}"

    def run(self, *words: str, **variables: str) -> tuple[int, list[str], str]:
        """Run the script; return its status, the calls, and what was said."""
        (self.log / "calls").write_text("")
        done = subprocess.run(
            ["sh", str(self.folder / "release.sh"), *words],
            env={"PATH": self.path, "LOG": str(self.log), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, (self.log / "calls").read_text().splitlines(), done.stderr

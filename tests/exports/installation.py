"""The install.sh of an engine on one machine, run in a folder that stands in the place of /."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from homeport.exports.engines import File


class Installation:
    """An exported folder below `folder`, and programs that stand in for those of a machine."""

    def __init__(self, folder: Path, files: Mapping[str, File]):
        self.folder, self.source = folder, folder / "source"
        self.source.mkdir()
        for name, file in files.items():
            text = re.sub(r'"/(?=etc|usr|run|lib)', f'"{folder}/', file.text) if name == "install.sh" else file.text
            (self.source / name).write_text(text)
        (folder / "etc" / "systemd" / "system").mkdir(parents=True)
        (folder / "bin").mkdir()
        self.stand_in("id", "echo 0")
        self.stand_in("journalctl", "echo 'why it did not start'")

    def stand_in(self, name: str, script: str) -> None:
        """Have a program be this script."""
        (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / "bin" / name).chmod(0o755)

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run install.sh."""
        own = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", **variables}
        command = ["/bin/sh", str(self.source / "install.sh"), *words]
        return subprocess.run(command, env=own, capture_output=True, text=True, check=False)

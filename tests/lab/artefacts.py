"""What the auditors' own tools have said, kept for those who read the run afterwards."""

from __future__ import annotations

import os
from pathlib import Path

from tests.lab.project import REPOSITORY

FOLDER = Path(os.environ.get("HOMEPORT_ARTEFACTS") or REPOSITORY / "artefacts")


def keep(name: str, text: str) -> Path:
    """Write a tool's output to a file of this name in the folder of artefacts, and return where."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    target = FOLDER / name
    target.write_text(text)
    return target

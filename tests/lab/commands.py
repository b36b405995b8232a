"""The `homeport` command as a user of a project runs it; the project's data is in its group data then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.lab.project import REPOSITORY, Project
from tests.pace import patience


def settle_data(project: Project, **data: object) -> None:
    """Move the project's data, and `data`, to where every command finds it; what was written before is overridden."""
    place = project.folder / "group_data" / "lab.py"
    before = place.read_text() if place.exists() else ""
    place.write_text(before + "".join(f"{key} = {value!r}\n" for key, value in {**project.data, **data}.items()))
    project.data.clear()


def findings(project: Project, host: str) -> list[dict[str, Any]]:
    """Return what the doctor finds on a host."""
    found: list[dict[str, Any]] = json.loads(homeport(project, "doctor", "lab", "--limit", host, "--json").stdout)
    its: list[dict[str, Any]] = found[0]["findings"]
    return its


def homeport(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `homeport WORDS` in the project's folder; stdout and stderr come together."""
    lab = {"HOMEPORT_LAB": str(project.lab.directory.path), "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        [sys.executable, "-m", "homeport.cli.main", *words],
        cwd=project.folder,
        env={**os.environ, **lab},
        stdin=subprocess.DEVNULL,
        # Nobody can be asked: a terminal of whoever runs the tests is none of the command's.
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=patience(300),
        check=False,
    )


def refusal(result: subprocess.CompletedProcess[str], status: int) -> str:
    """Have a run refused with `status` and without a traceback; return the one line that says why."""
    assert result.returncode == status, result.stdout
    assert "Traceback" not in result.stdout
    lines = result.stdout.splitlines()
    # pyinfra adds a line of its own, which says no more than that there was an error; a summary says it once more.
    said = [line for line in lines if "] error: " in line] or [line for line in lines if "error" in line]
    assert len({line.partition("error: ")[2] for line in said}) == 1, said
    return said[0]

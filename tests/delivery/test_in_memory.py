from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from homeport.delivery.in_memory import program


def run(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # As on a host: an interpreter that knows nothing of homeport, and a folder with none of its files.
    command = [sys.executable, "-I", "-S", "-B", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, cwd=folder, check=False)


def test_the_probe_runs_from_memory_alone_and_tells_what_it_could_not_read(tmp_path: Path) -> None:
    given = {"app": "notes", "names": [], "health": {"path": "/health", "status": 200}}
    done = run(program("homeport.probe.main", ("homeport.host", "homeport.probe"), given), tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["deployed"] is False
    assert found["clock"]["now"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_module_that_was_not_sent_is_missing_there(tmp_path: Path) -> None:
    done = run(program("homeport.settings.model", ("homeport.probe",), {}), tmp_path)
    assert "No module named 'homeport.settings" in done.stderr

"""What a unit asks before it starts: a clear no skips it; an answer that does not come is a failure, tried again."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from homeport.controller.folders import TEMPLATES
from homeport.host.commands.deploys import NO
from homeport.rendering.rendering import render

HOST_PROGRAM = "/usr/local/lib/homeport/homeport-host"
# systemd.service(5), ExecCondition=: 0 goes on, 1 to 254 skips the unit for good, 255 is a failure.
GOES_ON, SKIPPED, FAILED = 0, 1, 255


def asked(program: Path) -> int:
    """Return the status of the line that a unit has, with `program` in the host program's place."""
    [line] = [
        line for line in render("systemd/condition.conf", question="may-run", app="notes").splitlines() if "=" in line
    ]
    command = line.removeprefix("ExecCondition=+").replace("%i", "blue").replace("$$", "$")
    assert f"{HOST_PROGRAM} may-run --app notes --slot blue" in command
    return subprocess.run(shlex.split(command.replace(HOST_PROGRAM, str(program))), check=False).returncode


@pytest.mark.parametrize(
    ("end", "status"),
    [("exit 0", GOES_ON), (f"exit {NO}", SKIPPED), ("exit 1", FAILED), ("exit 2", FAILED), ("kill -9 $$", FAILED)],
)
def test_only_a_clear_no_skips_the_unit(tmp_path: Path, end: str, status: int) -> None:
    program = tmp_path / "host"
    program.write_text(f"#!/bin/sh\n{end}\n")
    program.chmod(0o755)
    assert asked(program) == status


def test_a_host_program_that_is_missing_or_may_not_be_run_is_a_failure(tmp_path: Path) -> None:
    assert asked(tmp_path / "none") == FAILED
    (tmp_path / "host").write_text("#!/bin/sh\n")
    assert asked(tmp_path / "host") == FAILED


def test_every_unit_asks_in_that_way() -> None:
    own = [path.name for path in (TEMPLATES / "systemd").iterdir() if "\nExecCondition=" in path.read_text()]
    # That of a proxy asks no program (tests/operations/test_proxy_change_script.py), that of a preview's end the clock.
    assert sorted(own) == ["condition.conf", "homeport-preview@.service", "proxy-condition.conf"]

"""The script of `before_start`, run by a shell, and what is made of its words."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from homeport.host.services.failures import before_start
from homeport.rendering.rendering import render
from homeport.settings.types import Step
from tests.pace import patience, until
from tests.unit_values import VALUES


class Prepared:
    """A folder like a release's."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, *steps: Step) -> subprocess.Popen[str]:
        script = self.folder / "before-start"
        values = VALUES | {"before_start": steps, "kill_seconds": 1}
        script.write_text(render("systemd/before-start.sh", None, **values))
        words = ["/bin/sh", str(script), "server"]
        return subprocess.Popen(words, cwd=self.folder, stdout=-1, stderr=subprocess.STDOUT, text=True)

    def run(self, *steps: Step) -> tuple[int, str]:
        process = self.start(*steps)
        said, _ = process.communicate(timeout=patience(30))
        return process.returncode, said


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return Prepared(tmp_path)


def test_commands_run_in_order_and_know_for_which_process(prepared: Prepared) -> None:
    steps = Step(command="echo \"it's\" '$HOME' for $HOMEPORT_PROCESS"), Step(command="cd /; echo %i")
    assert prepared.run(*steps) == (0, "it's $HOME for server\n%i\n")


def test_the_first_that_fails_ends_them_and_is_named_with_its_status(prepared: Prepared) -> None:
    status, said = prepared.run(Step(command="printf 'no\\\\n host' >&2\n exit 4"), Step(command="echo never"))

    assert status == 1
    assert said.splitlines()[-1].endswith(r"homeport: before_start: printf 'no\\n host' >&2 exit 4 failed (status 4)")
    assert "never" not in said.splitlines()


def test_a_before_start_command_that_takes_too_long_is_stopped_with_its_children(prepared: Prepared) -> None:
    command = "trap '' TERM; sleep 1000 & echo $! >started; wait; sleep 1000"
    status, said = prepared.run(Step(command=command, timeout_seconds=1))

    assert status == 1
    assert said.endswith("sleep 1000 took longer than 1 s (timeout_seconds) and was stopped\n")
    assert until(lambda: not Path(f"/proc/{(prepared.folder / 'started').read_text().strip()}").exists())


def test_a_stop_ends_the_command_that_is_at_work(prepared: Prepared) -> None:
    process = prepared.start(Step(command="echo begun; sleep 1000; echo never"))
    assert process.stdout
    assert process.stdout.readline() == "begun\n"

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=patience(10)) == 143
    assert process.stdout.read() == ""


def test_a_failure_is_told_with_command_status_and_last_line() -> None:
    entries = [
        ("systemd", "Starting notes..."),
        ("before-start", "fetching the model"),
        ("before-start", "curl: (6) no such host"),
        ("before-start", "homeport: before_start: ./fetch failed (status 6)"),
        ("systemd", "notes@blue.service: Control process exited, code=exited, status=1/FAILURE"),
    ]
    assert before_start(entries) == "before_start: ./fetch failed (status 6): curl: (6) no such host"


def test_output_of_the_application_is_no_failure_of_before_start() -> None:
    assert before_start([("fastapi", "homeport: before_start: ./fetch failed (status 6)")]) == ""
    assert before_start([("before-start", "fetching the model")]) == ""

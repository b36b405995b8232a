"""Counting SSH commands where they arrive: the host's own sshd is told to log every session that it starts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.stage import Stage
from homeport.lab import LabHost

LOG = "echo LogLevel VERBOSE | sudo tee /etc/ssh/sshd_config.d/benchmark.conf >/dev/null && sudo systemctl restart ssh"
READ = "journalctl --sync && journalctl -t sshd -t sshd-session -o cat | grep -c 'Starting session: ' || true"
COUNT = f'sudo sh -c "{READ}"'


def log_sessions(stage: Stage, host: LabHost) -> None:
    """Have the host's sshd log each command, shell and SFTP session."""
    stage.ssh(host, LOG)
    time.sleep(0.5)


def count(stage: Stage, host: LabHost, work: Callable[[], object]) -> int:
    """Return how many sessions the host's sshd has started while `work` was done."""
    before = _sessions(stage, host)
    work()
    return _sessions(stage, host) - before - 1  # the second look is a session, too


def _sessions(stage: Stage, host: LabHost) -> int:
    return int(stage.ssh(host, COUNT).output.split()[-1])


def recorded(stage: Stage, host: LabHost) -> str:
    """Return what one run of homeport without changes sends to the host, as one shell command."""
    record = stage.folder / "commands"
    record.unlink(missing_ok=True)
    stage.pyinfra([host], record=record)
    return "; ".join(_commands(record))


def _commands(record: Path) -> list[str]:
    return [json.loads(line) for line in record.read_text().splitlines()]

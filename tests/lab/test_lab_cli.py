"""The command line of the lab, as far as it needs no machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.errors import LabError
from homeport.lab import machine

COMMANDS = ("up", "down", "status", "ssh", "reboot", "url")


def homeport(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOMEPORT_LAB": str(directory)}
    argv = [sys.executable, "-m", "homeport.cli.main", "lab", *arguments]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)


def test_help_names_every_command_and_gives_examples(tmp_path: Path) -> None:
    text = homeport(tmp_path, "--help").stdout
    assert all(f"  {command} " in text for command in COMMANDS)
    assert "homeport lab up --hosts 3" in text


@pytest.mark.parametrize("arguments", [["status"], ["status", "--json"], ["ssh", "web1"], ["reboot", "web1"], ["url"]])
def test_without_a_lab_one_line_says_how_to_start_one(tmp_path: Path, arguments: list[str]) -> None:
    done = homeport(tmp_path / "lab", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: there is no lab in ")
    assert done.stderr.endswith("; start one with 'homeport lab up'\n")
    assert done.stderr.count("\n") == 1


def test_a_damaged_record_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "hosts.json").write_text('{"hosts": [{')
    done = homeport(tmp_path, "status")
    assert done.returncode == 1
    assert "is damaged" in done.stderr
    assert "run 'homeport lab down'" in done.stderr


def test_an_unknown_suite_is_a_usage_error(tmp_path: Path) -> None:
    assert homeport(tmp_path, "up", "--suite", "buster").returncode == 2


def test_missing_programs_that_cannot_be_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_command", lambda name: None)
    with pytest.raises(
        LabError, match="this computer lacks dnsmasq-base, pebble; install the packages that have these"
    ):
        machine.require_commands("pebble", "dnsmasq")

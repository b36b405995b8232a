"""The command as a whole: what it says to a wrong word, how fast it is there, and what a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from homeport.cli.main import COMMANDS, cli
from homeport.controller.folders import PACKAGE


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("deplyo", "deploy"),
        ("rolback", "rollback"),
        ("stauts", "status"),
        ("maintainance", "maintenance"),
        ("logz", "logs"),
    ],
)
def test_a_mistyped_command_is_answered_with_the_one_that_was_meant(word: str, meant: str) -> None:
    done = CliRunner().invoke(cli, [word, "production"])
    assert done.exit_code == 2
    assert f"Did you mean '{meant}'?" in done.stderr


def test_a_word_that_is_like_nothing_is_refused_without_a_guess() -> None:
    done = CliRunner().invoke(cli, ["xyzzy"])
    assert done.exit_code == 2
    assert "Did you mean" not in done.stderr


def test_a_mistyped_option_is_answered_likewise() -> None:
    done = CliRunner().invoke(cli, ["plan", "production", "--jsn"])
    assert done.exit_code == 2
    assert "--json" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_is_for_in_a_line_and_shows_an_example(name: str) -> None:
    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0
    assert f"Usage: cli {name}" in done.stdout
    if name != "secrets":  # each of its commands has its own
        assert f"homeport {name}" in done.stdout.partition("Options:")[2]


def _imported(*words: str) -> set[str]:
    run = f"cli({list(words)!r}, standalone_mode=False)"
    code = f"import sys; from homeport.cli.main import cli; {run}; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("words", [("deploy", "--help"), ("run", "--help"), ("status", "--help")])
def test_help_of_a_command_loads_nothing_that_makes_it_slow(words: tuple[str, ...]) -> None:
    assert not {"pyinfra", "gevent", "paramiko", "pydantic", "jinja2", "cryptography"} & _imported(*words)


def test_the_list_of_commands_needs_no_pyinfra() -> None:
    assert not {"pyinfra", "gevent", "paramiko", "cryptography"} & _imported("--help")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_completion_script(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert "_HOMEPORT_COMPLETE" in done.stdout


def test_bash_completes_commands_and_inventories(tmp_path: Path) -> None:
    (tmp_path / "inventories").mkdir()
    for name in ("production", "staging", "__init__"):
        (tmp_path / "inventories" / f"{name}.py").touch()
    homeport = Path(sys.executable).with_name("homeport")
    script = subprocess.run([homeport, "completion", "bash"], capture_output=True, text=True, check=True).stdout
    for words, number, expected in (
        ("homeport rollb", 1, ["rollback"]),
        ("homeport deploy ''", 2, ["production", "staging"]),
    ):
        line = f"COMP_WORDS=({words}); COMP_CWORD={number}"
        ask = f"{script}\n{line}; _homeport_completion homeport; echo ${{COMPREPLY[@]}}"
        path = f"{homeport.parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", ask],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.split() == expected, done.stderr

"""`homeport secrets` as a person uses it, in a project of his own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pace import patience, until

VALUE = "hunter2-sentinel"
INVENTORY = 'production = [("web1", {"domain": "one.example.com"}), ("web2", {"domain": "two.example.com"})]\n'


class Person:
    """Somebody in a project's folder, with a key of his own once he has made it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("inventories", "group_data", "memory"):
            (folder / name).mkdir()
        (folder / "inventories" / "production.py").write_text(INVENTORY)
        (folder / "group_data" / "production.py").write_text('app_name = "notes"\nsecrets_file = "secrets/p.age"\n')
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HOMEPORT_", "XDG_"))},
            "HOMEPORT_AGE_KEY_FILE": str(folder / "age.key"),
            "XDG_RUNTIME_DIR": str(folder / "memory"),
        }

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "homeport.cli.main", "secrets", *words]

    def run(self, *words: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **variables}
        return subprocess.run(
            self.command(*words), cwd=self.folder, env=environment, input=given, capture_output=True, text=True
        )

    def editor(self, script: str) -> str:
        path = self.folder / "editor"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def left_in_memory(self) -> list[str]:
        return [one.name for one in (self.folder / "memory").iterdir()]


@pytest.fixture
def person(tmp_path: Path) -> Person:
    person = Person(tmp_path)
    assert person.run("keygen").returncode == 0
    return person


def test_from_nothing_to_secrets_that_are_set_and_shown(person: Person) -> None:
    result = person.run("set", "production", "KEY", given=f"{VALUE}\n")
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert VALUE not in result.stderr
    assert "encrypted for 1 key" in result.stderr
    assert (person.folder / "secrets" / "p.age").read_text().startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    assert person.run("show", "production").stdout == "KEY\n"
    assert f"KEY='{VALUE}'" in person.run("show", "production", "--values").stdout


def test_the_editor_has_a_private_file_that_is_gone_afterwards(person: Person) -> None:
    seen = person.folder / "seen"
    editor = person.editor(f'stat -c %a "$1" "$(dirname "$1")" >{seen}; echo "$1" >>{seen}; echo KEY={VALUE} >>"$1"')
    result = person.run("edit", "production", EDITOR=editor)
    assert result.returncode == 0, result.stderr
    file_mode, folder_mode, path = seen.read_text().splitlines()
    assert (file_mode, folder_mode) == ("600", "700")
    assert path.startswith(str(person.folder / "memory"))
    assert person.left_in_memory() == []
    assert person.run("show", "production").stdout == "KEY\n"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (f'echo {VALUE} >>"$1"', "line 2 is not NAME=value"),
        (f'echo KEY={VALUE} >>"$1"; exit 3', "the editor ended with status 3"),
        ('rm "$1"', "is not UTF-8 text"),
    ],
)
def test_an_edit_that_fails_changes_and_leaves_nothing(person: Person, script: str, problem: str) -> None:
    result = person.run("edit", "production", EDITOR=person.editor(script))
    assert result.returncode == 2
    assert problem in result.stderr
    assert VALUE not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert not (person.folder / "secrets" / "p.age").exists()
    assert person.left_in_memory() == []


def test_a_terminal_that_is_closed_leaves_nothing(person: Person) -> None:
    begun = person.folder / "begun"
    editor = person.editor(f'echo KEY={VALUE} >>"$1"; touch {begun}; sleep 60')
    process = subprocess.Popen(
        person.command("edit", "production"),
        cwd=person.folder,
        env={**person.environment, "EDITOR": editor},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert until(begun.exists, every=0.05)
    assert person.left_in_memory()
    os.killpg(process.pid, signal.SIGHUP)
    process.communicate(timeout=patience(30))
    assert person.left_in_memory() == []


def test_a_plain_file_is_encrypted_and_said_to_have_been_plain(person: Person) -> None:
    (person.folder / "secrets").mkdir()
    (person.folder / "secrets" / "p.age").write_text(f"# mine\nKEY={VALUE}\n")
    result = person.run("encrypt", "production")
    assert result.returncode == 0, result.stderr
    assert "the file was not encrypted before" in result.stderr
    assert person.run("show", "production", "--values").stdout == f"# mine\nKEY={VALUE}\n"
    assert VALUE not in (person.folder / "secrets" / "p.age").read_text()


def test_a_missing_secrets_file_setting_is_named_in_one_line(person: Person) -> None:
    (person.folder / "group_data" / "production.py").write_text('app_name = "notes"\n')
    result = person.run("show", "production")
    assert result.returncode == 2
    assert result.stderr.startswith("error: secrets_file: is not set; set it, as secrets_file =")
    (person.folder / "group_data" / "production.py").write_text('app_name = "notes"\nno_such_thing = 1\n')
    result = person.run("show", "production")
    assert result.returncode == 2
    assert "web1: no_such_thing: unknown setting" in result.stderr
    assert "Traceback" not in result.stderr
    assert person.run("show", "production", "--limit", "nobody").returncode == 2

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pyinfra.api import State

from homeport.comparison.compare import FileChanges
from homeport.operations.diff import FileContents, show_diff
from homeport.state.wanted import File
from tests.state.builders import SECRET, bare

from .scripted import make_run

OPEN = File("/etc/open.conf", "a\nnew\nc\n")
HIDDEN = File("/etc/hidden.conf", f"{SECRET}\n", secret=True)
PENDING = FileChanges(files=(OPEN, HIDDEN))


def shown(old: dict[str, str] | None, pending: FileChanges = PENDING) -> list[str]:
    run, host = make_run(bare(), FileContents=[old])
    show_diff(run, pending)
    return [line.strip() for line in host.lines]


@pytest.fixture
def with_diff(state: State) -> State:
    state.config.DIFF = True
    return state


def test_a_diff_is_shown_only_when_it_is_asked_for() -> None:
    run, host = make_run(bare())
    show_diff(run, PENDING)
    assert host.lines == []


def test_a_diff_is_shown_while_planning_and_not_once_more_while_executing(with_diff: State) -> None:
    with_diff.is_executing = True
    run, host = make_run(bare())
    show_diff(run, PENDING)
    assert host.lines == []


def test_a_file_that_changes_is_shown_against_what_is_on_the_host(with_diff: State) -> None:
    assert shown({OPEN.path: "a\nold\nc\n"}) == [
        f"--- {OPEN.path} (host)",
        f"+++ {OPEN.path} (wanted)",
        "@@ -1,3 +1,3 @@",
        "a",
        "-old",
        "+new",
        "c",
    ]


def test_somebodys_file_that_goes_is_shown_and_others_that_go_are_not(with_diff: State) -> None:
    pending = FileChanges(absent=("/etc/theirs", "/etc/ours.ini"), taken_over=("/etc/theirs",))
    lines = shown({"/etc/theirs": "listen 80;\n", "/etc/ours.ini": SECRET}, pending)
    assert "-listen 80;" in lines
    assert SECRET not in "".join(lines)


@pytest.mark.parametrize("old", [None, {}])
def test_a_file_that_is_not_there_is_shown_as_a_whole(with_diff: State, old: dict[str, str] | None) -> None:
    assert [line for line in shown(old) if line.startswith("+")][1:] == ["+a", "+new", "+c"]


def test_a_secret_is_neither_shown_nor_read(with_diff: State) -> None:
    run, host = make_run(bare(), FileContents=[{}])
    show_diff(run, PENDING)
    assert SECRET not in "".join(host.lines)
    assert host.asked[-1] == ("FileContents", ((OPEN.path,),))


def test_without_a_file_that_may_be_shown_there_is_no_diff(with_diff: State) -> None:
    assert shown({}, replace(PENDING, files=(HIDDEN,))) == []


@pytest.mark.parametrize("name", ["plain", "with space", "it's", '"', "$HOME", "`id`", "größe", "two  spaces"])
def test_a_file_on_the_host_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    path, missing = tmp_path / name, str(tmp_path / "missing")
    path.write_bytes("größe\n\n  x\n".encode() + b"\xff")
    fact = FileContents()
    command = fact.command((missing, str(path), str(tmp_path)))
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert fact.process(done.stdout.splitlines()) == {str(path): "größe\n\n  x\n\ufffd"}


def test_an_empty_file_is_read_as_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    fact = FileContents()
    done = subprocess.run(
        ["sh", "-c", fact.command((str(tmp_path / "empty"),))], capture_output=True, text=True, check=True
    )
    assert fact.process([line.rstrip() for line in done.stdout.splitlines()]) == {str(tmp_path / "empty"): ""}

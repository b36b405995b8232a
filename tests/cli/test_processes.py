"""How a command of ours becomes a run of pyinfra, and what its end says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from homeport.cli import processes
from homeport.cli.pyinfra_run import PyinfraProcess
from homeport.cli.releases import table
from homeport.controller.folders import ENTRIES
from homeport.errors import UsageError


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inventories").mkdir()
    for name in ("production", "staging"):
        (tmp_path / "inventories" / f"{name}.py").touch()
    monkeypatch.chdir(tmp_path)


def test_a_target_is_the_name_of_an_inventory_or_a_file() -> None:
    assert processes.inventory("production") == "inventories/production.py"
    assert processes.inventory("inventories/staging.py") == "inventories/staging.py"


@pytest.mark.parametrize("target", ["prodution", "inventories/prodution.py", "", "../production"])
def test_a_target_that_is_none_is_refused_with_those_that_there_are(target: str) -> None:
    with pytest.raises(UsageError, match="there are: production, staging") as caught:
        processes.inventory(target)
    assert caught.value.exit_status == 2


def test_outside_of_a_project_it_is_said_where_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path / "inventories")
    with pytest.raises(UsageError, match="in the project's folder"):
        processes.inventory("production")


def test_values_go_as_json_so_that_no_release_id_becomes_a_number() -> None:
    data = {"release": "000000000012", "accept_migrations": None, "lock_wait_seconds": 5}
    words = processes.command_line("rollback", "production", ("web1", "web2"), data)
    assert words[3:5] == ["inventories/production.py", str(ENTRIES / "rollback.py")]
    assert words[5:] == (
        [
            "--limit",
            "web1",
            "--limit",
            "web2",
            "--data",
            'release="000000000012"',
            "--data",
            "lock_wait_seconds=5",
            "-y",
        ]
    )


def test_every_command_has_its_deploy_file() -> None:
    for name in ("rollback", "restart", "lock", "unlock"):
        assert (ENTRIES / f"{name}.py").is_file()


@pytest.mark.parametrize(
    ("code", "status"), [("", 0), ("raise SystemExit(4)", 4), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_the_exit_status_is_that_of_pyinfra(code: str, status: int) -> None:
    child = PyinfraProcess([sys.executable, "-c", code])
    assert list(child.events()) == []
    assert child.status == status


def test_only_marked_lines_of_the_hosts_are_read() -> None:
    code = 'print("--> noise"); print(\'{"host": "web1"}\'); import sys; print("more", file=sys.stderr)'
    assert processes.read([sys.executable, "-c", code]) == [{"host": "web1"}]


def test_a_reading_that_fails_is_shown_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        processes.read([sys.executable, "-c", "import sys; sys.exit('no such host')"])
    assert caught.value.code == 1
    assert "no such host" in capsys.readouterr().err


def test_the_list_marks_where_a_rollback_goes_and_says_who_holds() -> None:
    release = {
        "whole": True,
        "ref": "main",
        "commit": "0123456789abcdef",
        "live_at": "2030-01-01T00:00:00Z",
        "by": "a@b",
    }
    one = {
        "host": "web1",
        "app": "notes",
        "previous": "old",
        "hold": {"by": "carol@desk", "message": "wait"},
        "releases": [
            {**release, "id": "new", "state": "live"},
            {**release, "id": "old", "state": "good"},
            {**release, "id": "half", "state": "never live", "whole": False, "live_at": ""},
        ],
    }
    lines = list(table(json.loads(json.dumps(one))))
    assert lines[0] == "web1: notes"
    assert lines[1] == "  held by hand by carol@desk: wait"
    assert [line.split()[0] for line in lines[2:]] == ["new", "->", "half"]
    assert "main at 0123456789ab  a@b" in lines[2]
    assert "never live, incomplete" in lines[4]


def test_beside_a_project_its_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app" / "ops" / "inventories").mkdir(parents=True)
    (tmp_path / "app" / "ops" / "deploy.py").touch()
    (tmp_path / "app" / "ansible" / "inventories").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "app")
    with pytest.raises(UsageError, match="no inventory production; cd ops first"):
        processes.inventory("production")
    monkeypatch.chdir(tmp_path / "app" / "ansible")
    with pytest.raises(UsageError, match="run this in the project's folder"):
        processes.inventory("production")


def reading(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> list[dict[str, object]]:
    """Return what is made of a reader that does `code`."""
    (tmp_path / "reader.py").write_text(code)
    (tmp_path / "python").write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path}/reader.py\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return list(processes.query_hosts("status", "production", ()))


def test_a_reader_is_listened_to_although_an_inventory_prints_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = 'print("hello"); print("\\x1e" + \'{"host": "web1", "error": "no"}\'); raise SystemExit(1)'
    assert reading(monkeypatch, tmp_path, code) == [{"host": "web1", "error": "no"}]
    assert capsys.readouterr().err == "hello\n"


@pytest.mark.parametrize("code", ["raise SystemExit(1)", "1 / 0", 'print("\\x1e" + \'{"host": "a"}\'); 1 / 0'])
def test_a_reader_that_failed_without_a_host_that_did_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        reading(monkeypatch, tmp_path, code)
    assert caught.value.code == 1

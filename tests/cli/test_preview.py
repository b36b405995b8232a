"""`homeport preview`: what is refused before anything runs, and what the list says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from homeport.cli import preview
from homeport.cli.main import cli
from tests.cli.test_schema import conforms

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
UP = {
    "app": "notes-login",
    "branch": "login",
    "url": "https://notes.example.com/preview/login/",
    "release": "0123456789ab",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "live_at": "2030-01-01T10:00:00+00:00",
    "until": "2030-01-04T10:00:00Z",
}
BROKEN = {**UP, "branch": "x", "release": None, "commit": None, "live_at": None}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inventories").mkdir()
    (tmp_path / "inventories" / "staging.py").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("up", "x", "--ttl", "soon"),
            "error: --ttl: 'soon' is not a length of time; write it as 90min, 12h, 3d or 2w",
        ),
        (("up", "x", "--ttl", "-3d"), "error: --ttl: '-3d' is not a length of time"),
        (("up", "x", "--ttl", f"{'9' * 400}w"), "is not a length of time"),
        (("up", "x", "--ttl", "1s"), "error: --ttl: 1s is not from 5min to 90d"),
        (("up", "x", "--ttl", "52w"), "error: --ttl: 52w is not from 5min to 90d"),
        (("up", "a b"), "error: BRANCH: 'a b' is not the name of a branch"),
        (("up", ""), "error: BRANCH: '' is not the name of a branch"),
        (("down", "a\nb"), "error: BRANCH: 'a\\nb' is not the name of a branch"),
        (("up", "x"), "error: TARGET: no inventory production; there are: staging"),
        (("down", "x", "--target", "stagging"), "error: TARGET: no inventory stagging; there are: staging"),
        (("list",), "error: TARGET: no inventory production; there are: staging"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_with_status_2(words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(cli, ["preview", *words])
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("error:") == 1
    assert len(done.stderr.splitlines()) == 1


def test_the_list_names_branch_address_release_and_end() -> None:
    lines = list(preview.table({"host": "web1", "app": "notes", "previews": [UP, BROKEN]}, NOW))
    assert lines == [
        "web1: notes",
        "  login  https://notes.example.com/preview/login/  0123456789ab at 0123456789ab, 2 h ago, "
        "until 2030-01-04T10:00:00Z",
        "  x      https://notes.example.com/preview/login/  never live, until 2030-01-04T10:00:00Z",
    ]
    assert list(preview.table({"host": "web1", "app": "notes", "previews": []}, NOW))[1:] == ["  no previews"]


def test_its_json_is_as_the_schema_says() -> None:
    conforms([{"host": "web1", "app": "notes", "previews": [UP, BROKEN]}, {"host": "web2", "error": "no"}], "preview")

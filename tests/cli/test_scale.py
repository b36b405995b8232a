"""Where the number of workers is written down, and when a number alone can be released."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from homeport.cli.group_data import write_down
from homeport.cli.scale import live_commit
from homeport.errors import HomeportError, UsageError


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "workers = 4\n"),
        (
            '"""What differs."""\n\ndomain = "a.example.com"\n',
            '"""What differs."""\n\ndomain = "a.example.com"\nworkers = 4\n',
        ),
        ("workers = 2\ndomain = 'a'\n", "workers = 4\ndomain = 'a'\n"),
        ('workers: int | str = "auto"  # as it likes\n', "workers = 4\n"),
        ("# workers = 8\nworkers_note = 1\n", "# workers = 8\nworkers_note = 1\nworkers = 4\n"),
    ],
)
def test_the_number_takes_the_place_of_the_old_one(tmp_path: Path, before: str, after: str) -> None:
    place = tmp_path / "group_data" / "production.py"
    if before:
        place.parent.mkdir()
        place.write_text(before)
    write_down(place, "workers = 4")
    assert place.read_text() == after


@pytest.mark.parametrize(
    "text", ["if True:\n    workers = 2\n", "workers = 1\nworkers = 2\n", "workers = (\n    2\n)\n"]
)
def test_scale_leaves_a_computed_value_to_its_author(tmp_path: Path, text: str) -> None:
    place = tmp_path / "production.py"
    place.write_text(text)
    with pytest.raises(UsageError, match="write yourself: workers = 4"):
        write_down(place, "workers = 4")
    assert place.read_text() == text


def host(name: str, commit: str | None, *, dirty: bool = False) -> dict[str, Any]:
    release = {"id": "1111", "commit": commit, "dirty": dirty}
    return {"host": name, "live": "1111" if commit else None, "releases": [release]}


def test_the_one_commit_of_all_hosts_can_be_released_again() -> None:
    assert live_commit([host("a", "c1"), host("b", "c1")]) == "c1"


@pytest.mark.parametrize(
    "hosts",
    [
        [host("a", "c1"), host("b", "c2")],
        [host("a", "c1"), host("b", None)],
        [host("a", "c1", dirty=True)],
        [{"host": "a", "error": "away"}],
    ],
)
def test_anything_else_is_refused_in_one_line(hosts: list[dict[str, Any]]) -> None:
    with pytest.raises(HomeportError):
        live_commit(hosts)

"""Paths that the application writes to: folders and files by what the release has, and what may not be among them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from homeport.errors import UsageError
from homeport.source.state_places import check_state_places, state_places
from tests.state.builders import make_settings, make_source

FILES = ("main.py", "app/static/a.css", "uploads.d/.gitkeep", "data", "logs.db", "link")


def test_the_release_decides_and_else_the_name() -> None:
    paths = ["uploads.d", "data", "logs.db", "new", "new.db", "deep/er/", ".cache", ".cache.db", "v1.0/"]
    places = state_places(make_settings(state_paths=paths), replace(make_source(), tracked=frozenset(FILES)))
    assert set(places.folders) == {"uploads.d", "new", "deep/er", ".cache", "v1.0"}
    assert set(places.files) == {"data", "logs.db", "new.db", ".cache.db"}


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("app", ""),
        ("app/static", ""),
        (".", "item 1 is not a path"),
        ("../x", "item 1 is not a path"),
        ("/var/x", "item 1 is not a path"),
        ("a//b", "item 1 is not a path"),
        ("a/./b", "item 1 is not a path"),
        ("a b", "item 1 is not a path"),
        ("a:b", "item 1 is not a path"),
        ("%i", "item 1 is not a path"),
        ("a\n", "item 1 is not a path"),
        (".venv/x", "item 1 is in .venv"),
        (".homeport", "item 1 is in .homeport"),
        ("./", "item 1 is not a path"),
    ],
)
def test_what_may_stand_there(path: str, problem: str) -> None:
    if not problem:
        assert make_settings(state_paths=[path]).state_paths == (path,)
        return
    with pytest.raises(ValidationError) as caught:
        make_settings(state_paths=[path])
    assert problem in caught.value.errors()[0]["msg"]


def test_none_lies_in_another_one() -> None:
    for paths in (["a", "a/b"], ["a/", "a"], ["a/b/", "./a/b/c.db"]):
        with pytest.raises(ValidationError, match="must not have"):
            make_settings(state_paths=paths)
    assert make_settings(state_paths=["a", "ab", "./c/"]).state_paths == ("a", "ab", "c/")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("src", "src has code of the application in it (src/main.py), which no release could change any more"),
        ("src/main.py", "src/main.py has code of the application in it"),
        ("data/", "data is a folder by its name, and a file or a link in the release"),
        ("link/x", "link/x lies in link, which is no folder in the release but a file or a link"),
    ],
)
def test_what_the_release_has_other_things_in_is_refused(path: str, problem: str) -> None:
    source = replace(make_source(), tracked=frozenset({*FILES, "src/main.py"}))
    with pytest.raises(UsageError) as caught:
        check_state_places(source, make_settings(state_paths=[path]))
    assert problem in caught.value.line()
    check_state_places(source, make_settings(state_paths=["uploads.d", "app", "other/x.db"]))

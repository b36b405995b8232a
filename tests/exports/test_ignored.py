"""git's lists of what is no part of an application, as a build's folder has them."""

from __future__ import annotations

import pytest

from homeport.exports.ignored import below, from_gitattributes, from_gitignore


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        (".state/", "**/.state"),
        ("*.py[cod]", "**/*.py[cod]"),
        ("/build", "build"),
        ("a/b/", "a/b"),
        ("!keep.txt", "!**/keep.txt"),
        ("**/x/y", "**/x/y"),
    ],
)
def test_a_pattern_means_the_same_places(line: str, pattern: str) -> None:
    assert list(from_gitignore(f"# comment\n\n{line}\n")) == [pattern]


def test_what_a_folder_above_says_of_a_certain_place_says_nothing_here() -> None:
    assert list(from_gitignore("/build\n*.db\na/b\n", above=True)) == ["**/*.db"]


def test_what_is_not_released_is_not_built() -> None:
    assert list(from_gitattributes("# x\ntests/ export-ignore\n*.txt text\nnotes.md -export-ignore\n")) == ["**/tests"]


def test_places_in_the_folder_are_seen_from_there() -> None:
    assert list(below(["/a/b/deploy", "/a/b", "/a/bc", "/a/b/../b/x/s.env"], "/a/b")) == ["deploy", "x/s.env"]

"""The page that leads through FastAPI's guide: each test that it names is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.lab.project import REPOSITORY

PAGE = (REPOSITORY / "docs/from-the-fastapi-guide.md").read_text()
TESTS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| the guide asks")]
# What nothing shows, and the page says so.
UNTESTED = ["a Raspberry Pi"]


@pytest.mark.parametrize(("path", "name"), TESTS, ids=lambda one: str(one).rpartition("/")[2])
def test_a_test_that_the_page_names_is_there(path: str, name: str) -> None:
    tree = ast.parse((REPOSITORY / path).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_row_of_the_guide_names_a_test_or_says_that_there_is_none() -> None:
    without = [row.split("|")[1].strip() for row in ROWS if "::" not in row]
    assert without == UNTESTED
    assert all("**untested**" in row for row in ROWS if "::" not in row)


def test_settings_that_it_names_are_settings() -> None:
    from homeport.settings import Settings

    named = re.findall(r"`([a-z]+_[a-z_]+|workers|domain|server|tls)(?: = [^`]*)?`", PAGE)
    assert len(named) > 10
    assert {name for name in named if name not in Settings.model_fields} <= {"root_path"}

"""The documents name files that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
# Where a path begins that has no folder of the repository before it (docs/architecture.md says so).
ROOTS = [
    REPOSITORY,
    REPOSITORY / "homeport",
    REPOSITORY / "tests",
    REPOSITORY / "homeport/host",
    REPOSITORY / "templates",
]
# In backticks, with a folder, and ending as our files do; what has a capital letter stands for a name.
NAMED = re.compile(r"`((?:[a-z_0-9.{},@-]+/)+[a-z_0-9.{},@-]+\.(?:py|sh|j2|cfg|html|conf|service))`")
# Files of projects, applications and hosts, which begin like these.
ELSEWHERE = ("inventories/", "overrides/", "group_data/", "app/", "tests/", "examples/", "./", "../", "src/", "deploy/")


def alternatives(text: str) -> Iterator[str]:
    """Yield what a shell makes of braces."""
    parts = [part.split(",") for part in re.split(r"[{}]", text)]
    yield from ("".join(words) for words in product(*parts)) if "{" in text else (text,)


def named(page: Path) -> list[str]:
    found = NAMED.findall(page.read_text())
    return sorted({path for one in found for path in alternatives(one) if not path.startswith(ELSEWHERE)})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_file_of_the_repository_that_a_page_names_is_there(page: Path) -> None:
    assert [path for path in named(page) if not any((root / path).exists() for root in ROOTS)] == []

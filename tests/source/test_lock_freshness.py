"""What a lock is compared with: real locks of the real uv, before and after a change of the pyproject.toml."""

from __future__ import annotations

import tomllib

import pytest

from homeport.source.lock_freshness import why_stale
from homeport.source.uv_lock import read_lock

from .test_uv import LIBRARY, run_uv

PROJECT = """
[project]
name = "My_App"
version = "1"
requires-python = ">=3.11,<4"
dependencies = [
    "H11 >= 0.14, <1.0.0",
    "idna~=3.4",
    "iniconfig==2.*; python_version < '3.13' and sys_platform == 'linux'",
    "near",
    "anyio[trio]>=4.0.0b1",
]

[project.optional-dependencies]
Extra_One = ["sniffio>=1.2"]
two = ["typing_extensions"]
all = ["my-app[extra-one,two]"]

[dependency-groups]
dev = ["pluggy>=1", { include-group = "Lint" }]
Lint = ["packaging>=23,!=23.1"]

[tool.uv]
dev-dependencies = ["certifi"]

[tool.uv.sources]
near = { path = "libs/near" }

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("locked")
    for path, text in {**LIBRARY, "pyproject.toml": PROJECT, "my_app/__init__.py": ""}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    run_uv("lock", cwd=folder)
    return (folder / "uv.lock").read_text()


def stale(lock: str, old: str = "", new: str = "") -> str | None:
    assert old in PROJECT
    read = read_lock("uv.lock", lock)
    pyproject = tomllib.loads(PROJECT.replace(old, new, 1) if old else PROJECT)
    return why_stale(pyproject, read.projects["."], read.requires_python, read.locked)


def test_a_lock_is_fresh_for_what_it_was_made_for_however_that_was_written(lock: str) -> None:
    assert stale(lock) is None


@pytest.mark.parametrize(("old", "new"), [
    ('version = "1"', 'version = "2"'),
    ('version = "1"', 'version = "1"\ndescription = "more"'),
    (">= 0.14, <1.0.0", "<1,>=0.14"),
    ("typing_extensions", "typing-extensions"),
    ("my-app[extra-one,two]", "My.App[two,extra-one]"),
])  # fmt: skip
def test_equal_requirements_keep_the_lock_fresh(lock: str, old: str, new: str) -> None:
    assert stale(lock, old, new) is None


@pytest.mark.parametrize(("old", "new", "said"), [
    (">= 0.14, <1.0.0", ">=0.16", "is older than pyproject.toml: it was not made for h11>=0.16"),
    ('"idna~=3.4",', '"idna~=3.4", "httpx",', "it was not made for httpx"),
    ('"idna~=3.4",', "", "it was made for idna~=3.4"),
    ("anyio[trio]", "anyio", "it was not made for anyio>=4.0.0b1"),
    ("sniffio>=1.2", "sniffio>=1.3", "it was not made for sniffio>=1.3 (extra extra-one)"),
    ("pluggy>=1", "pluggy>=1.5", "it was not made for pluggy>=1.5 (group dev)"),
    ("packaging>=23,!=23.1", "packaging>=24", "it was not made for packaging>=24 (group dev), packaging>=24 (group"),
    (">=3.11,<4", ">=3.12,<4", 'is for requires-python ">=3.11, <4", and pyproject.toml has ">=3.12,<4"'),
])  # fmt: skip
def test_different_requirements_make_the_lock_stale(lock: str, old: str, new: str, said: str) -> None:
    assert said in (stale(lock, old, new) or "fresh")


def test_a_source_in_place_of_a_version_is_compared_by_name(lock: str) -> None:
    assert stale(lock, 'near = { path = "libs/near" }', "") is None
    assert "it was not made for nearer" in (stale(lock, '"near",', '"near", "nearer @ file:libs/nearer",') or "fresh")


def test_an_old_lock_that_does_not_say_what_it_was_made_for_is_compared_by_names() -> None:
    package: dict[str, object] = {"name": "my-app"}
    pyproject = {"project": {"dependencies": ["h11>=9", "new_thing"]}}
    assert why_stale(pyproject, package, None, {"h11"}) == (
        "is older than pyproject.toml: it was not made for new-thing"
    )
    assert why_stale(pyproject, package, None, {"h11", "new-thing"}) is None


def test_dynamic_values_of_a_build_are_not_compared() -> None:
    package = {"name": "my-app", "metadata": {"requires-dist": [{"name": "h11"}]}}
    assert why_stale({"project": {"name": "my-app", "dynamic": ["dependencies"]}}, package, None, {"h11"}) is None

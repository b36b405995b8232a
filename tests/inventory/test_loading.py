"""What is said of inventories and group data that raise something, and of which line."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from homeport.errors import HomeportError, UsageError
from homeport.inventory.loading import load_inventory


class WrappingError(Exception):
    """As pyinfra wraps what these files raise."""

    def __init__(self, exception: Exception):
        super().__init__()
        self.exception = exception


def make(inventory: str) -> dict[str, object]:
    try:
        return runpy.run_path(inventory)
    except ValueError as error:
        raise WrappingError(error) from None


def said(folder: Path, text: str) -> str:
    (folder / "web.py").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_inventory(make, "web.py")
    return caught.value.line()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = \n", "web.py:1: SyntaxError: invalid syntax"),
        ("\nimport nope.b", "web.py:2: ModuleNotFoundError: No module named 'nope'; "
         "install nope where homeport is installed, or correct the name"),
        ("import os\nos.environ['NOPE']", "web.py:2: KeyError: 'NOPE'; set that variable in the environment"),
        ("x = {}\nx['NOPE']", "web.py:2: KeyError: 'NOPE'"),
        ("import json\n\njson.loads('')", "web.py:3: JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        ("raise RuntimeError", "web.py:1: RuntimeError"),
        ("import ast\nast.literal_eval('(')", "web.py:2: SyntaxError: '(' was never closed (<unknown>, line 1)"),
    ],
)  # fmt: skip
def test_the_line_of_the_projects_own_that_led_to_it_is_named(folder: Path, text: str, line: str) -> None:
    assert said(folder, text) == line


def test_an_inventory_error_is_found_in_the_projects_modules_not_in_installed_ones(folder: Path) -> None:
    (folder / "names_of_ours.py").write_text("def first():\n    return int('a')\n")
    assert said(folder, "from names_of_ours import first\n\nfirst()\n").startswith("names_of_ours.py:2: ValueError: ")
    installed = folder / ".venv" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "of_others.py").write_text("raise RuntimeError('so')\n")
    assert said(folder, f"import sys\nsys.path.append({str(installed)!r})\nimport of_others\n") == (
        "web.py:3: RuntimeError: so"
    )


def test_an_error_outside_the_project_names_the_inventory(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"^web.py: FileNotFoundError: "):
        load_inventory(make, "web.py")


def test_a_right_inventory_and_errors_of_homeport_pass_unchanged(folder: Path) -> None:
    (folder / "web.py").write_text("x = 1\n")
    assert load_inventory(make, "web.py")["x"] == 1
    (folder / "web.py").write_text("from homeport.errors import HomeportError\nraise HomeportError('ours')\n")
    with pytest.raises(HomeportError, match=r"^ours$"):
        load_inventory(make, "web.py")

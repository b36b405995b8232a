from __future__ import annotations

import re
import runpy
from pathlib import Path

from pydantic_core import PydanticUndefined

from homeport.settings import Settings
from homeport.settings.machine import SINGLE_VALUES
from homeport.settings.reference import default, group_data, literal, markdown

REPOSITORY = Path(__file__).parents[2]


def test_group_data_is_what_the_model_says() -> None:
    assert (REPOSITORY / "group_data" / "all.py").read_text() == group_data(), "run 'make reference'"


def test_the_settings_reference_is_what_the_model_says() -> None:
    assert (REPOSITORY / "docs" / "settings.md").read_text() == markdown(), "run 'make reference'"


def test_every_default_in_group_data_is_the_models() -> None:
    values = runpy.run_path(str(REPOSITORY / "group_data" / "all.py"))
    ours = {name: value for name, value in values.items() if not name.startswith("__")}
    wanted = {name: default(field) for name, field in Settings.model_fields.items()}
    needed = {name for name, value in wanted.items() if value is PydanticUndefined}
    # What the machine has once is only shown: said here, it would be held against other applications there.
    assert ours == {name: value for name, value in wanted.items() if name not in {*needed, *SINGLE_VALUES}}
    text = (REPOSITORY / "group_data" / "all.py").read_text()
    assert all(f"\n# {name} = {literal(wanted[name])}\n" in text for name in SINGLE_VALUES)


def test_group_data_gives_the_settings_that_the_model_gives_without_it() -> None:
    values = runpy.run_path(str(REPOSITORY / "group_data" / "all.py"))
    given = {name: value for name, value in values.items() if not name.startswith("__")}
    needed = {"app_name": "notes", "domain": "notes.example.com"}
    assert Settings(**given, **needed) == Settings(**needed)


def test_every_setting_is_described_once_and_its_unit_stands_in_its_name() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", markdown(), flags=re.MULTILINE)
    assert rows == list(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        if field.annotation is not bool and re.search(r"timeout|_memory|memory_|free|body|hsts", name):
            assert name.endswith(("_seconds", "_megabytes")), name

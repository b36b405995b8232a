"""The rows of tests/lab/routines.py name every setting, each is an allowed one, and the documents have them all."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from homeport.settings.loading import load
from homeport.settings.model import Settings
from tests.lab.clients import StatusError
from tests.lab.load import Failure, reason
from tests.lab.routines import CORE, RELOADING, ROUTINES, ROWS, SETTINGS, WITHOUT, Row, groups, rows_of, united

HERE = Path(__file__).parent
DOMAIN = "notes.example.com"
FIRST = {"app_name": "notes", "domain": DOMAIN, "workers": 2}
HEADING = "## What is routine, and what it costs"


def named() -> list[str]:
    return [name for row in ROWS for name in (*row.settings, *row.also)]


def section() -> str:
    """Return what docs/releases.md says of routines."""
    text = (HERE.parent / "docs" / "releases.md").read_text()
    return re.split(r"\n## ", text.partition(HEADING)[2])[0]


def test_each_setting_has_a_row_or_a_reason_why_it_has_none() -> None:
    assert set(Settings.model_fields) == {*named(), *WITHOUT}
    assert not set(named()) & set(WITHOUT)


@pytest.mark.parametrize("group", groups())
def test_no_two_rows_of_a_group_change_one_setting(group: str) -> None:
    names = [name for row in rows_of(group) for name in row.settings]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("group", sorted({row.group for row in SETTINGS}))
def test_the_settings_of_a_group_are_allowed_together_and_each_differs_from_its_default(group: str) -> None:
    given = united(rows_of(group), DOMAIN)
    found, plain = load({**FIRST, **given}, "web1"), load(FIRST, "web1")
    same = [name for name in given if getattr(found, name) == getattr(plain, name)]
    assert set(same) <= {"pinned_releases", "sshd_close", "workers"}


def test_no_two_rows_have_one_name() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))


def test_the_groups_that_are_named_exist_and_each_routine_is_one_alone() -> None:
    assert {*CORE, *RELOADING} <= set(groups())
    assert all(rows_of(row.group) == [row] for row in ROUTINES)


def test_each_routine_has_something_that_does_it() -> None:
    """Read from the text: the module needs machines."""
    tree = ast.parse((HERE / "lab" / "test_routines.py").read_text())
    [done] = [
        one.value for one in tree.body if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == "ROUTINES"
    ]
    assert isinstance(done, ast.Dict)
    keys = {ast.literal_eval(key) for key in done.keys if key is not None}
    assert keys == {row.group for row in ROWS if not row.settings}


def test_a_row_that_costs_something_says_what_and_how_its_clients_tell_and_no_other_does() -> None:
    assert all(bool(row.costs) == bool(row.lost) for row in ROWS)
    [maintenance] = [row for row in ROWS if row.group == "maintenance"]
    allowed, other = (Failure(0.0, "keep-alive POST", reason(StatusError(status, 201, {}))) for status in (503, 502))
    assert (maintenance.allows(allowed), maintenance.allows(other)) == (True, False)
    assert not any(row.allows(allowed) for row in ROWS if not row.costs)


@pytest.mark.parametrize("name", sorted({*named()} - {"app_name", "release", "accept_migrations"}))
def test_the_documents_say_what_a_change_of_a_setting_costs(name: str) -> None:
    assert f"`{name}`" in section()


@pytest.mark.parametrize("row", ROUTINES, ids=lambda row: row.group)
def test_the_documents_say_what_a_routine_costs(row: Row) -> None:
    assert row.name in section()


@pytest.mark.parametrize("costs", [row.costs for row in ROWS if row.costs])
def test_the_documents_say_it_in_the_rows_words(costs: str) -> None:
    assert costs in section()

"""What `make test` takes of the tests on machines: what is listed each time, and what the seed chooses."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import always, tiers
from tests.always import ALWAYS, SHOWN_ELSEWHERE

NAMES = [f"tests/lab/test_something.py::test_{number}" for number in range(400)]
HERE = Path(__file__).parent
ON_MACHINES = {
    path.stem.removeprefix("test_"): path
    for path in (*HERE.glob("lab/test_*.py"), *(HERE / f"docs/test_{name}.py" for name in ("runbook", "first_steps")))
}


def named_in(path: Path) -> set[str]:
    """Return the tests of a file that are on machines, by name without `test_`; none where none is marked `lab`."""
    tree = ast.parse(path.read_text())
    has_mark = "pytest.mark.lab" in ast.unparse(tree)
    functions = (one.name for one in tree.body if isinstance(one, ast.FunctionDef))
    return {name.removeprefix("test_") for name in functions if has_mark and name.startswith("test_")}


TESTS = {name: found for name, path in ON_MACHINES.items() if (found := named_in(path))}


@pytest.fixture
def costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What each of NAMES takes: a second, and as many as their number those of every tenth."""
    seconds = {name: float(number if number % 10 == 0 else 1) for number, name in enumerate(NAMES)}
    table = tmp_path / "drawn.json"
    table.write_text(json.dumps(seconds))
    monkeypatch.setattr(tiers, "COSTS", table)
    return seconds


def test_the_same_seed_takes_the_same_tests(costs: dict[str, float]) -> None:
    assert tiers.drawn(NAMES, 7) == tiers.drawn(reversed(NAMES), 7) != tiers.drawn(NAMES, 8)


def test_what_is_taken_fills_the_seconds_that_there_are_unless_the_first_alone_is_more(costs: dict[str, float]) -> None:
    for seed in range(100):
        taken = tiers.drawn(NAMES, seed)
        whole = sum(costs[name] for name in taken)
        assert len(taken) == 1 or tiers.SECONDS - 1 <= whole <= tiers.SECONDS


def test_every_test_is_taken_by_some_seed(costs: dict[str, float]) -> None:
    assert frozenset().union(*(tiers.drawn(NAMES, seed) for seed in range(4000))) == set(NAMES)


def test_one_whose_time_is_not_known_counts_as_a_long_one(costs: dict[str, float]) -> None:
    new = [f"tests/lab/test_new.py::test_{number}" for number in range(400)]
    assert len(tiers.drawn(new, 7)) == tiers.SECONDS // tiers.UNKNOWN_SECONDS


@pytest.fixture
def drawn(pytester: pytest.Pytester) -> Callable[[int], set[str]]:
    """Return what a seed takes of a file with tests on a machine, one of them listed, and of one without machines."""
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\nmarkers = ["lab", "sampled", "either_suite"]')
    pytester.makeconftest("from tests.conftest import pytest_collection_modifyitems")
    on_machines = """
        import pytest

        pytestmark = pytest.mark.lab

        @pytest.mark.parametrize("end", ["done", pytest.param("cut", marks=pytest.mark.sampled)])
        def test_a_removal_that_was_killed_is_finished_by_the_next(end): ...
        def test_another(): ...
        @pytest.mark.parametrize("end", [pytest.param("cut", marks=pytest.mark.sampled)])
        def test_one_more(end): ...
    """
    pytester.makepyfile(test_remove=on_machines, test_pure="def test_a_rule(): ...")

    def taken(seed: int) -> set[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tiers, "EVERYTHING", False)
            patch.setattr(tiers, "seed", lambda: seed)
            _, calls = pytester.inline_genitems(str(pytester.path))
        return {item.name for item in calls.getcall("pytest_collection_finish").session.items}

    return taken


LISTED = "test_a_removal_that_was_killed_is_finished_by_the_next"


FILE, CUT = "test_remove.py", "test_remove.py cut"
OTHERS = {FILE: {"test_another", "test_one_more[cut]"}, CUT: {f"{LISTED}[cut]"}}


@pytest.mark.parametrize("first", [FILE, CUT])
def test_what_is_listed_is_always_taken_the_others_of_its_file_together_and_a_parameter_by_itself(
    drawn: Callable[[int], set[str]], monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(tiers, "SECONDS", tiers.UNKNOWN_SECONDS)
    seed = next(one for one in range(99) if tiers.drawn([FILE, CUT], one) == {first})
    assert drawn(seed) == {f"{LISTED}[done]", "test_a_rule"} | OTHERS[first]


def test_without_seconds_for_more_one_is_drawn_all_the_same(
    drawn: Callable[[int], set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "UNKNOWN_SECONDS", 999.0)
    assert len(drawn(7)) in (3, 4)


def test_of_a_file_that_goes_through_the_suites_one_is_taken_the_same_for_all_its_tests() -> None:
    files = [f"tests/lab/test_{number}.py" for number in range(40)]
    taken = {
        file: {
            suite
            for suite in tiers.SUITES
            for test in ("test_a[{}]", "test_b[{}-x]")
            if not tiers.is_elsewhere(f"{file}::{test.format(suite)}", 7)
        }
        for file in files
    }
    assert all(len(suites) == 1 for suites in taken.values())
    assert set.union(*taken.values()) == set(tiers.SUITES)


def test_a_test_that_names_no_suite_is_left_out_for_none() -> None:
    assert not any(tiers.is_elsewhere("tests/lab/test_bookworm.py::test_trees", seed) for seed in range(20))


@pytest.mark.parametrize("name", sorted(TESTS))
def test_each_file_on_machines_has_a_test_that_always_runs_or_says_what_does_instead(name: str) -> None:
    listed = any(always.is_listed(f"test_{name}.py", f"test_{test}") for test in TESTS[name])
    assert listed != (name in SHOWN_ELSEWHERE), f"tests/always.py, SHOWN_ELSEWHERE: {name}"


@pytest.mark.parametrize("capability", ALWAYS)
def test_the_main_path_and_the_worst_fault_of_each_capability_exist(capability: str) -> None:
    for file, _, test in (name.partition("::") for name in ALWAYS[capability]):
        assert test in TESTS[file]


def test_what_stands_for_a_file_is_a_capability_and_the_file_exists() -> None:
    assert set(SHOWN_ELSEWHERE.values()) <= set(ALWAYS)
    assert set(SHOWN_ELSEWHERE) <= set(TESTS)


def test_nothing_but_parameters_is_marked_as_sampled() -> None:
    for name, path in ON_MACHINES.items():
        assert not re.search(r"^(@|pytestmark.*)pytest\.mark\.sampled", path.read_text(), re.MULTILINE), name

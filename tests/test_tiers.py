"""What `make test` takes of the tests on machines: what is listed each time, and what the seed chooses."""

from __future__ import annotations

import ast
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


def test_the_same_seed_takes_the_same_tests() -> None:
    assert [tiers.is_chosen(name, 7) for name in NAMES] == [tiers.is_chosen(name, 7) for name in NAMES]


def test_about_an_eighth_is_taken() -> None:
    assert 25 < sum(tiers.is_chosen(name, 7) for name in NAMES) < 80


def test_every_test_is_taken_by_some_seed() -> None:
    assert all(any(tiers.is_chosen(name, seed) for seed in range(200)) for name in NAMES)


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


def test_what_is_listed_is_always_taken_and_the_others_of_its_file_together(drawn: Callable[[int], set[str]]) -> None:
    taken = [drawn(seed) for seed in range(20)]
    assert all({f"{LISTED}[done]", "test_a_rule"} <= each for each in taken)
    others = [each & {"test_another", "test_one_more[cut]"} for each in taken]
    assert {len(each) for each in others} == {0, 2}


def test_a_parameter_is_drawn_by_itself(drawn: Callable[[int], set[str]]) -> None:
    taken = [drawn(seed) for seed in range(40)]
    assert {(f"{LISTED}[cut]" in each, "test_another" in each) for each in taken} >= {(True, False), (False, True)}


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

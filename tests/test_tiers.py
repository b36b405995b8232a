"""What `make test` takes of the tests marked `sampled` and `either_suite`, and what it takes each time."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiers
from tests.always import ALWAYS, SHOWN_ELSEWHERE
from tests.conftest import is_drawn

NAMES = [f"tests/lab/test_something.py::test_{number}" for number in range(400)]
HERE = Path(__file__).parent
ON_MACHINES = {
    path.stem.removeprefix("test_"): path
    for path in (*HERE.glob("lab/test_*.py"), *(HERE / f"docs/test_{name}.py" for name in ("runbook", "first_steps")))
}


def is_sampled(node: ast.expr) -> bool:
    """Tell whether an expression of marks has `pytest.mark.sampled` in it."""
    return any(isinstance(part, ast.Attribute) and part.attr == "sampled" for part in ast.walk(node))


def sampled_in(path: Path) -> dict[str, bool]:
    """Return the tests of a file by name, and whether each is marked `sampled`, by itself or with its file.

    Parameters that are marked leave the others, which run each time.
    """
    tree = ast.parse(path.read_text())
    assigned = [one for one in tree.body if isinstance(one, ast.Assign)]
    marks = [one.value for one in assigned if ast.unparse(one.targets[0]) == "pytestmark"]
    whole = any(map(is_sampled, marks))
    found = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
    own = ("pytest.mark.sampled", "pytest.mark.sampled(")
    return {
        test.name.removeprefix("test_"): whole or any(ast.unparse(one).startswith(own) for one in test.decorator_list)
        for test in found
    }


TESTS = {name: sampled_in(path) for name, path in ON_MACHINES.items()}


def test_the_same_seed_takes_the_same_tests() -> None:
    assert [tiers.is_chosen(name, 7) for name in NAMES] == [tiers.is_chosen(name, 7) for name in NAMES]


def test_about_an_eighth_is_taken() -> None:
    assert 25 < sum(tiers.is_chosen(name, 7) for name in NAMES) < 80


def test_every_test_is_taken_by_some_seed() -> None:
    assert all(any(tiers.is_chosen(name, seed) for seed in range(200)) for name in NAMES)


def test_tests_of_a_group_are_drawn_as_one_in_their_file_and_those_of_a_wider_one_as_that() -> None:
    first, second, *_ = NAMES
    assert tiers.drawn_as(first, ["", "pair"]) == tiers.drawn_as(second, ["pair"]) != tiers.drawn_as(second, [""])
    assert tiers.drawn_as(first, ["pair"]) != tiers.drawn_as("tests/lab/test_another.py::test_1", ["pair"])
    assert tiers.drawn_as(first, ["pair", "", tiers.WHOLE_FILE]) == tiers.drawn_as(second, [tiers.WHOLE_FILE])
    assert tiers.drawn_as(first, [""]) == first


class Marked(pytest.Item):
    """A test with such marks: "" is one without a group; the closest comes first."""

    def runtest(self) -> None:
        raise AssertionError("it is only drawn")


@pytest.fixture
def marked(request: pytest.FixtureRequest) -> Callable[..., pytest.Item]:
    def make(*groups: str) -> pytest.Item:
        item: pytest.Item = Marked.from_parent(request.node.parent, name="test_marked")
        for group in reversed(groups):
            item.add_marker(pytest.mark.sampled(group) if group else pytest.mark.sampled, append=False)
        return item

    return make


def test_a_test_without_a_mark_is_always_drawn(marked: Callable[..., pytest.Item]) -> None:
    assert all(is_drawn(marked(), seed, by_name=False) for seed in range(30))


def test_a_file_that_is_named_is_not_left_out_as_a_whole(marked: Callable[..., pytest.Item]) -> None:
    whole, both, plain = marked(tiers.WHOLE_FILE), marked("", tiers.WHOLE_FILE), marked("")
    assert [is_drawn(whole, seed, by_name=True) for seed in range(40)] == [True] * 40
    assert not all(is_drawn(whole, seed, by_name=False) for seed in range(40))
    for seed in range(40):
        assert is_drawn(both, seed, by_name=False) == is_drawn(whole, seed, by_name=False)
        assert is_drawn(both, seed, by_name=True) == is_drawn(plain, seed, by_name=False)


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


@pytest.mark.parametrize("name", sorted(ON_MACHINES))
def test_each_file_on_machines_has_a_test_that_always_runs_or_says_what_does_instead(name: str) -> None:
    always = [test for test, sampled in TESTS[name].items() if not sampled]
    assert bool(always) != (name in SHOWN_ELSEWHERE), f"tests/always.py, SHOWN_ELSEWHERE: {name}"


@pytest.mark.parametrize("capability", ALWAYS)
def test_the_main_path_and_the_worst_fault_of_each_capability_always_run(capability: str) -> None:
    for file, _, test in (name.partition("::") for name in ALWAYS[capability]):
        assert TESTS[file][test] is False, f"{file}::test_{test} is sampled"


def test_what_stands_for_a_file_is_a_capability_and_the_file_exists() -> None:
    assert set(SHOWN_ELSEWHERE.values()) <= set(ALWAYS)
    assert set(SHOWN_ELSEWHERE) <= set(ON_MACHINES)


def test_groups_have_more_than_one_test() -> None:
    """One that is alone in it lacks another, or the name of its group is misspelled."""
    for name, path in ON_MACHINES.items():
        functions = [one for one in ast.parse(path.read_text()).body if isinstance(one, ast.FunctionDef)]
        decorators = [[ast.unparse(mark) for mark in one.decorator_list] for one in functions]
        groups = [one for one in itertools.chain(*decorators) if one.startswith("pytest.mark.sampled(")]
        assert not [group for group in groups if groups.count(group) == 1], name

"""What `make test` takes of the tests marked `sampled` and `either_suite`."""

from __future__ import annotations

from tests import tiers

NAMES = [f"tests/lab/test_something.py::test_{number}" for number in range(400)]


def test_the_same_seed_takes_the_same_tests() -> None:
    assert [tiers.is_chosen(name, 7) for name in NAMES] == [tiers.is_chosen(name, 7) for name in NAMES]


def test_about_a_quarter_is_taken() -> None:
    assert 60 < sum(tiers.is_chosen(name, 7) for name in NAMES) < 140


def test_every_test_is_taken_by_some_seed() -> None:
    assert all(any(tiers.is_chosen(name, seed) for seed in range(100)) for name in NAMES)


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

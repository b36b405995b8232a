"""What `make test` takes of the tests marked `sampled`."""

from __future__ import annotations

from tests import tiers

NAMES = [f"tests/lab/test_something.py::test_{number}" for number in range(400)]


def test_the_same_seed_takes_the_same_tests() -> None:
    assert [tiers.is_chosen(name, 7) for name in NAMES] == [tiers.is_chosen(name, 7) for name in NAMES]


def test_about_a_quarter_is_taken() -> None:
    assert 60 < sum(tiers.is_chosen(name, 7) for name in NAMES) < 140


def test_every_test_is_taken_by_some_seed() -> None:
    assert all(any(tiers.is_chosen(name, seed) for seed in range(100)) for name in NAMES)

"""What a soak is made of besides its checker: the choice of faults, the history's file, the report."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from types import SimpleNamespace
from typing import cast

import pytest

from benchmarks.soak.__main__ import durability
from benchmarks.soak.checker import differences, violations
from benchmarks.soak.faults import KINDS
from benchmarks.soak.history import About, Recorder, parse
from benchmarks.soak.report import report
from benchmarks.soak.run import ACTIONS, IN_NAMESPACE, ON_OWN_DISK, ON_OWN_KERNEL, possible
from benchmarks.soak.schedule import planned
from benchmarks.soak.stage import Stage
from tests.benchmarks.soak.histories import GOOD, asked, event, failed, history, wrote

DECK = sum(kind.cards for kind in KINDS.values())
ABOUT = About("2026-11-30 03:00 UTC", 7, "make soak MINUTES=60 SEED=7", "2 processors", "bookworm", (), "SQLite")


def test_each_kind_of_fault_can_be_brought_about() -> None:
    assert set(ACTIONS) == set(KINDS)
    assert set(KINDS) >= ON_OWN_DISK | ON_OWN_KERNEL | IN_NAMESPACE


@pytest.mark.parametrize("own_kernel", [False, True])
def test_a_machine_has_the_faults_that_it_can_have(own_kernel: bool) -> None:
    stage = cast(Stage, SimpleNamespace(has_own_disk=True, has_own_kernel=own_kernel))
    assert set(KINDS) - set(possible(stage, KINDS)) == (IN_NAMESPACE if own_kernel else ON_OWN_KERNEL)
    stage.has_own_disk = False
    assert not ON_OWN_DISK & set(possible(stage, KINDS))


def test_a_seed_repeats_the_choice_and_its_dice_and_another_one_does_not() -> None:
    def chosen(seed: int) -> list[tuple[str, float, float]]:
        return [(one.kind, one.pause_seconds, one.dice.random()) for one in itertools.islice(planned(seed, KINDS), 300)]

    assert chosen(7) == chosen(7) != chosen(8)


def test_each_kind_comes_as_often_as_it_has_cards() -> None:
    counted = Counter(one.kind for one in itertools.islice(planned(7, KINDS), DECK))
    assert counted == {name: kind.cards for name, kind in KINDS.items()}


def test_only_the_kinds_that_were_asked_for_come() -> None:
    assert {one.kind for one in itertools.islice(planned(7, ["reload", "release"]), 50)} == {"reload", "release"}


def test_a_history_is_read_as_it_was_written_also_when_its_end_was_cut_off() -> None:
    file = io.StringIO()
    recorder = Recorder(file, 2.0, ABOUT)
    given = history(asked(1), wrote(2, "n1"), failed(10.5), events=(event("kill worker"),))
    for request in given.requests:
        recorder.request(request)
    recorder.event(given.events[0])
    assert given.ending
    recorder.end(given.ending)
    found = parse(file.getvalue().splitlines())
    assert found == recorder.history
    assert (found.requests, found.events, found.ending, found.pace) == (given.requests, given.events, given.ending, 2.0)
    assert parse(['{"of a later version": 1}', *file.getvalue().splitlines()]) == found
    cut = parse(file.getvalue()[:-20].splitlines())
    assert (cut.requests, cut.ending) == (given.requests, None)


def test_the_report_has_what_it_was_what_failed_and_how_to_repeat_it() -> None:
    lost = wrote(10.2, "n2", problem="cut")
    given = history(
        asked(1), wrote(2, "n1"), lost, failed(30), events=(event("kill worker"),), notes={"n1": 1, "n2": 1}
    )
    given.about = ABOUT
    text = report(given, violations(given))
    assert "1 faults in 1 minutes, 4 requests: **violations: 1**" in text
    assert "Seed 7; again: `make soak MINUTES=60 SEED=7`" in text
    assert "- " + str(violations(given)[0]) in text
    assert "| kill worker | 1 | 1 keep-alive POST | 0.1 s | 5 s |" in text
    assert "1 were acknowledged: 0 of these are lost, 0 are there twice. 1 failed; 1 of these were kept" in text
    assert "Doctor found nothing. A deploy of the same changed nothing." in text


def test_a_report_of_what_was_as_promised_says_so() -> None:
    given = history(asked(1), events=(event("reload"),))
    given.about = ABOUT
    text = report(given, violations(given))
    assert "2 requests" not in text
    assert "1 requests: no violation." in text
    assert "## Violations\n\nNone." in text


def test_how_the_sample_keeps_its_data_is_read_from_its_code() -> None:
    code = 'execute("PRAGMA journal_mode = WAL")\nexecute("PRAGMA synchronous = FULL")'
    for own_kernel in (False, True):
        said = durability(code, own_kernel=own_kernel)
        assert said.startswith("SQLite, journal_mode WAL, synchronous FULL")
        assert ("as a real one does" in said) == own_kernel


def test_a_machine_that_is_as_it_was_says_nothing() -> None:
    assert list(differences(GOOD, GOOD)) == []

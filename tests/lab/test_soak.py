"""A short soak: its faults, its load, and its checker on a real machine; `make soak` has long ones.

The tests share a machine and go on from one another.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from benchmarks.soak import run
from benchmarks.soak.breaking import on_host
from benchmarks.soak.checker import violations
from benchmarks.soak.faults import INTERVALS
from benchmarks.soak.history import History
from benchmarks.soak.schedule import one
from benchmarks.soak.stage import Stage, staged
from homeport.lab import Lab
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
FAULTS = ("kill worker", "reload", "release", "kill proxy worker", "kill manager", "killed deploy", "power cut")


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    with staged(lab, seasoned, tmp_path_factory.mktemp("soak")) as made:
        yield made


def soaked(stage: Stage, *kinds: str) -> History:
    schedule = [one(7, number, kind) for number, kind in enumerate(kinds, 1)]
    return run.soak(stage, schedule, seconds=600, file=io.StringIO())


def test_a_soak_of_a_few_faults_finds_no_violation(stage: Stage) -> None:
    history = soaked(stage, *FAULTS)
    assert violations(history) == []
    assert [event.kind for event in history.events] == list(FAULTS)
    assert {request.kind for request in history.requests if not request.problem} == set(INTERVALS)


def test_it_notices_what_no_fault_may_cost_and_what_is_left_behind(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless = "systemctl restart nginx; systemctl stop notes@*; systemctl start notes@$slot; touch /run/homeport/mess"
    script = f"slot=$(test -e /etc/homeport/notes/live-green && echo green || echo blue); {careless}"
    monkeypatch.setitem(run.ACTIONS, "log rotation", on_host(script))
    found = violations(soaked(stage, "log rotation"))
    assert {one.rule for one in found} == {"failures", "ending"}, found

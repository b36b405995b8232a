"""What ends the watch over a release that has just gone live; the answers and states are given, and come in turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from homeport.host.release import watching
from homeport.host.services import health, processes, units
from homeport.host.services.health import Answer
from homeport.host.services.release_description import Health, Release
from homeport.host.system.layout import Layout

GOOD, BAD = Answer(good=True, text="answered 200"), Answer(good=False, text="answered 503 instead of 200", status=503)
UP, RESTARTED = {"ActiveState": "active", "MainPID": "7"}, {"ActiveState": "active", "MainPID": "8"}


class Watched:
    """A slot whose answers, states and other processes' failures come one after another, the last again and again."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout = Layout("notes", tmp_path)
        self.release = Release("r1", tmp_path, {"blue": 1}, Health("/health", 200, 1, 9), 1, has_migration=False)
        self.answers, self.states, self.failures = [GOOD], [UP], [""]
        self.looks = 0
        monkeypatch.setattr(health, "ask", lambda *_: self._next(self.answers))
        monkeypatch.setattr(units, "show", lambda _: self._next(self.states))
        monkeypatch.setattr(processes, "failed", lambda *_: self._next(self.failures))
        monkeypatch.setattr(watching, "POLL_SECONDS", 0)

    @staticmethod
    def _next(things: list[Any]) -> Any:
        return things.pop(0) if len(things) > 1 else things[0]

    def outcome(self, looks: int = 5) -> str:
        """Return what the watch says that has had enough when it was asked so many times."""

        def enough() -> bool:
            self.looks += 1
            return self.looks >= looks

        return watching.watch(self.layout, "blue", self.release, enough)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(tmp_path, monkeypatch)


def test_a_release_that_does_well_all_the_time_has_passed(watched: Watched) -> None:
    assert watched.outcome() == ""
    assert watched.looks == 5


def test_one_late_answer_in_the_watch_is_forgiven(watched: Watched) -> None:
    watched.answers = [GOOD, BAD, GOOD, BAD, GOOD]
    assert watched.outcome() == ""


def test_two_bad_answers_in_a_row_fail_the_watch(watched: Watched) -> None:
    watched.answers = [GOOD, BAD, BAD, GOOD]
    assert watched.outcome() == "/health answered 503 instead of 200"


def test_the_time_is_not_over_at_a_bad_answer(watched: Watched) -> None:
    watched.answers = [BAD, BAD]
    assert watched.outcome(looks=1) == "/health answered 503 instead of 200"
    assert watched.looks == 0


@pytest.mark.parametrize("state", [RESTARTED, UP | {"ActiveState": "activating"}, UP | {"ActiveState": "failed"}])
def test_a_process_that_died_is_told_even_if_the_next_one_answers(watched: Watched, state: dict[str, str]) -> None:
    watched.states = [UP, UP, state]
    assert watched.outcome() == "its process died"


def test_a_failed_process_fails_the_watch(watched: Watched) -> None:
    watched.failures = ["", "its process queue died"]
    assert watched.outcome() == "its process queue died"


def test_the_watch_lasts_its_seconds() -> None:
    assert watching.passed(0)()
    assert not watching.passed(600)()

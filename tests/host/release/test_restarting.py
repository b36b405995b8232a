"""When new processes come in place of the old ones, and when by way of the other slot; workers are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from homeport.host.release import committing, restarting, slots, starting
from homeport.host.release.slots import Slot, Slots
from homeport.host.services import health, processes, units
from homeport.host.services.health import Answer
from homeport.host.services.release_description import Health, Release
from homeport.host.system.layout import BLUE, GREEN, Layout
from homeport.host.system.output import HostError

OLD, NEW = {10, 11}, {20, 21}


class Live:
    """A live slot whose workers, after it was told to replace them, are one set after the other, the last for good."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout = Layout("notes", root)
        health_of_it = Health("/", 200, 1, 30)
        # With a standby the workers are replaced in place, where they can be.
        self.release = Release("r1", root, {BLUE: 1, GREEN: 2}, health_of_it, 1, has_migration=False, standby=True)
        self.active, self.workers, self.then = True, OLD, [NEW]
        self.managers, self.healthy = ["7"], True
        self.done: list[str] = []
        self.now = 0.0
        monkeypatch.setattr(slots, "read", lambda _: self._slots())
        monkeypatch.setattr(restarting, "load", lambda *_: self.release)
        monkeypatch.setattr(restarting, "workers", lambda *_: self._workers())
        monkeypatch.setattr(units, "show", lambda _: {"MainPID": self._next(self.managers)})
        monkeypatch.setattr(units, "run_checked", lambda *command: self.done.append(command[3]))
        monkeypatch.setattr(processes, "stop", lambda *_: self.done.append("processes stop"))
        monkeypatch.setattr(processes, "start", lambda *_: self.done.append("processes start"))
        monkeypatch.setattr(starting, "start", lambda _, __, asked: self.done.append(f"start again={asked.again}"))
        monkeypatch.setattr(committing, "commit", lambda *_: self.done.append("commit"))
        monkeypatch.setattr(health, "ask_repeatedly", lambda *_: Answer(good=self.healthy, text=""))
        monkeypatch.setattr(restarting, "time", self)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def _slots(self) -> Slots:
        live = BLUE if self.active else None
        return Slots(live, Slot(BLUE, "r1", self.active, enabled=True), Slot(GREEN, None, active=False, enabled=False))

    def _workers(self) -> set[int]:
        if "--signal=HUP" in self.done:
            self.workers = self._next(self.then)
        return self.workers

    @staticmethod
    def _next(things: list[Any]) -> Any:
        return things.pop(0) if len(things) > 1 else things[0]


IN_PLACE, BY_THE_OTHER_SLOT = ["--signal=HUP", "processes stop", "processes start"], ["start again=True", "commit"]


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Live:
    return Live(tmp_path, monkeypatch)


def test_several_workers_are_replaced_one_after_the_other_in_their_slot(live: Live) -> None:
    live.then = [OLD, {11, 20}, {11, 20, 21}, NEW]
    restarting.restart(live.layout)
    assert live.done == IN_PLACE


@pytest.mark.parametrize(
    ("kept", "done"),
    [
        ({"standby": False}, BY_THE_OTHER_SLOT),
        ({"standby": False, "replaces": True}, IN_PLACE),
        ({"server": "gunicorn"}, BY_THE_OTHER_SLOT),
        ({"server": "hypercorn"}, BY_THE_OTHER_SLOT),
    ],
)
def test_several_workers_are_replaced_in_place_where_the_other_slot_would_cost_more(
    live: Live, kept: dict[str, Any], done: list[str]
) -> None:
    live.release = live.release._replace(**kept)
    restarting.restart(live.layout)
    assert live.done == done


def test_a_lone_worker_is_the_server_and_has_the_other_slot_take_over(live: Live) -> None:
    live.workers = {10}
    restarting.restart(live.layout)
    assert live.done == BY_THE_OTHER_SLOT


def test_a_restart_with_before_start_uses_the_other_slot(live: Live) -> None:
    (live.release.files / "before-start").touch()
    restarting.restart(live.layout)
    assert live.done == BY_THE_OTHER_SLOT


def test_who_asks_for_the_other_slot_gets_it(live: Live) -> None:
    restarting.restart(live.layout, new_slot=True)
    assert live.done == BY_THE_OTHER_SLOT


def test_a_manager_that_gives_a_worker_up_has_the_other_slot_take_over(live: Live) -> None:
    live.then = [OLD]
    restarting.restart(live.layout)
    assert live.done == ["--signal=HUP", *BY_THE_OTHER_SLOT]
    assert restarting.GIVEN_UP_SECONDS <= live.now < restarting.GIVEN_UP_SECONDS + 1


def test_old_workers_that_finish_what_they_serve_are_waited_for(live: Live) -> None:
    slow = [{11, 20, 21}] * int(restarting.GIVEN_UP_SECONDS * 1.5 / restarting.POLL_SECONDS)
    live.then = [*slow, NEW]
    restarting.restart(live.layout)
    assert live.done == IN_PLACE


def test_new_workers_that_do_not_become_healthy_are_told_when_their_time_is_over(live: Live) -> None:
    live.healthy = False
    with pytest.raises(HostError, match="0 old workers are left, or the new ones are not healthy"):
        restarting.restart(live.layout)
    # The health time-out, and the drain of each of the two that there were.
    assert live.now == pytest.approx(30 + 2 * 1, abs=1)


def test_a_manager_that_dies_of_it_is_told(live: Live) -> None:
    live.managers = ["7", "8"]
    with pytest.raises(HostError, match="the manager died when it was told to replace its workers"):
        restarting.restart(live.layout)


def test_where_nothing_is_live_there_is_nothing_to_restart(live: Live) -> None:
    live.active = False
    with pytest.raises(HostError, match="no release is live here that could be restarted; deploy first"):
        restarting.restart(live.layout)
    assert live.done == []

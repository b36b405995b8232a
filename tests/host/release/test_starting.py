"""What a start does with what it finds: live, up, gone back to, refused; what brings a release up is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from homeport.host.release import release_log, slot_port, slots, starting
from homeport.host.release.request import DeployRequest
from homeport.host.release.slots import Slot, Slots
from homeport.host.services import failures, hooks, units
from homeport.host.services.release_description import Health, Release
from homeport.host.system import sockets, unit_processes
from homeport.host.system.layout import BLUE, GREEN, Layout
from homeport.host.system.output import HostError, LockedError


class Host:
    """A host where r1 is live in blue, and r2 is to be started in green; `outcome` is what comes of that."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout = Layout("notes", root)
        self.layout.log.parent.mkdir(parents=True)
        self.outcome: BaseException | None = None
        self.live_is_up, self.is_up = True, False
        self.ports = {BLUE: 1, GREEN: 2}
        self.done: list[str] = []
        blue, green = Slot(BLUE, "r1", active=True, enabled=True), Slot(GREEN, None, active=False, enabled=False)
        monkeypatch.setattr(starting, "load", lambda _, name: self.release(name))
        monkeypatch.setattr(slots, "read", lambda _: Slots(BLUE, blue._replace(active=self.live_is_up), green))
        monkeypatch.setattr(slots, "port", lambda _, slot: self.ports[slot])
        monkeypatch.setattr(slots, "halt", lambda _, slot: self.done.append(f"halt {slot}"))
        monkeypatch.setattr(starting, "_is_up", lambda *_: self.is_up)
        monkeypatch.setattr(starting, "_bring_up", self.bring_up)
        monkeypatch.setattr(hooks, "run", lambda _, release, moment, **__: self.done.append(f"{moment} {release.id}"))
        monkeypatch.setattr(units, "run", lambda *command: self.done.append(command[0]))
        monkeypatch.setattr(units, "run_checked", lambda *command: self.done.append(command[0]))

    def release(self, name: str) -> Release:
        return Release(name, self.layout.base, {BLUE: 1, GREEN: 2}, Health("/", 200, 1, 9), 1, has_migration=False)

    def bring_up(self, _: Layout, slot: str, release: Release, *__: object) -> None:
        self.done.append(f"bring up {release.id} in {slot}")
        if self.outcome:
            raise self.outcome

    def has_been(self, *events: tuple[str, str]) -> None:
        for event, name in events:
            release_log.append(self.layout, event, self.release(name), BLUE)

    def log(self) -> list[release_log.Event]:
        return release_log.read(self.layout)


Listening = Callable[[set[int]], None]


@pytest.fixture
def listening(host: Host, monkeypatch: pytest.MonkeyPatch) -> Listening:
    """Return what looks whose the port of green is, whose main process is 100 and whose worker 101."""

    def look(owners: set[int]) -> None:
        monkeypatch.setattr(sockets, "owners", lambda _: owners)
        slot_port.check_owner(host.layout, GREEN, host.release("r2"), {"MainPID": "100"})

    monkeypatch.setattr(sockets, "read", lambda: [])
    monkeypatch.setattr(sockets, "command", lambda _: "stranger")
    monkeypatch.setattr(unit_processes, "workers", lambda *_: [101])
    monkeypatch.setattr(failures, "last", lambda _: [("python", "begins"), ("python", "this worker has no licence")])
    return look


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_a_release_starts_in_the_slot_that_is_not_live_and_is_noted(host: Host) -> None:
    starting.start(host.layout, "r2", DeployRequest("me"))
    assert host.done == ["bring up r2 in green"]
    assert host.log() == [(release_log.STARTED, "r2")]


def test_a_live_release_is_started_again_only_on_request(host: Host) -> None:
    starting.start(host.layout, "r1", DeployRequest())
    assert host.done == []
    assert host.log() == []
    starting.start(host.layout, "r1", DeployRequest(again=True))
    assert host.done == ["bring up r1 in green"]


def test_a_release_whose_python_is_gone_is_refused_before_anything_happens(host: Host) -> None:
    link = host.layout.code_releases / "r2/.venv/bin/python"
    link.parent.mkdir(parents=True)
    link.symlink_to("/usr/bin/python3.none")
    with pytest.raises(HostError, match=r"needs /usr/bin/python3.none, which is gone; deploy its commit"):
        starting.start(host.layout, "r2", DeployRequest())
    assert (host.done, host.log()) == ([], [])


def test_a_live_release_whose_slot_is_down_is_started(host: Host) -> None:
    host.live_is_up = False
    starting.start(host.layout, "r1", DeployRequest())
    assert "bring up r1 in green" in host.done


def test_a_slot_that_a_killed_run_started_is_used_and_its_expiry_begins_anew(host: Host) -> None:
    host.is_up = True
    starting.start(host.layout, "r2", DeployRequest())
    assert host.done == ["systemctl", "systemd-run"]
    assert host.log() == []


@pytest.mark.parametrize("error", [HostError("it answers 500"), KeyboardInterrupt(), OSError("no space")])
def test_a_release_that_fails_in_whatever_way_is_stopped_and_marked_and_told(host: Host, error: BaseException) -> None:
    host.outcome = error
    with pytest.raises(type(error)):
        starting.start(host.layout, "r2", DeployRequest("me"))
    assert host.done == ["bring up r2 in green", "halt green", "on_failure r2"]
    assert host.log() == [(release_log.FAILED, "r2")]


def test_a_release_that_may_not_go_live_any_more_is_stopped_and_not_marked(host: Host) -> None:
    host.outcome = LockedError("held")
    with pytest.raises(LockedError):
        starting.start(host.layout, "r2", DeployRequest())
    assert host.done == ["bring up r2 in green", "halt green"]
    assert host.log() == []


def test_a_restart_by_the_other_slot_that_fails_does_not_mark_what_is_live(host: Host) -> None:
    host.outcome = HostError("it answers 500")
    with pytest.raises(HostError):
        starting.start(host.layout, "r1", DeployRequest(again=True))
    assert host.done == ["bring up r1 in green", "halt green"]
    assert host.log() == []


@pytest.mark.parametrize(
    ("events", "said"),
    [([], "was never live here"), ([(release_log.LIVE, "r0"), (release_log.FAILED, "r0")], "has failed here")],
)
def test_a_rollback_to_a_release_that_was_never_proven_is_refused(
    host: Host, events: list[tuple[str, str]], said: str
) -> None:
    host.has_been(*events)
    with pytest.raises(HostError, match=said):
        starting.start(host.layout, "r0", DeployRequest(rollback=True))
    assert host.done == []


def test_a_way_back_to_what_was_good_is_gone_and_not_to_one_with_other_ports(host: Host) -> None:
    host.has_been((release_log.LIVE, "r0"), (release_log.LIVE, "r1"))
    starting.start(host.layout, "r0", DeployRequest(rollback=True))
    assert host.done == ["bring up r0 in green"]
    host.ports = {BLUE: 5, GREEN: 6}
    with pytest.raises(HostError, match="had other ports than the host has now"):
        starting.start(host.layout, "r0", DeployRequest(rollback=True))
    assert host.done == ["bring up r0 in green"]


@pytest.mark.parametrize("owners", [{100}, {100, 7}, {101}])
def test_a_port_is_the_slots_when_one_of_its_processes_has_it(listening: Listening, owners: set[int]) -> None:
    listening(owners)


def test_a_port_that_others_have_is_said(listening: Listening) -> None:
    with pytest.raises(HostError, match=r"port 2 of slot green is served by stranger \(pid 7\), not by the release"):
        listening({7})


def test_where_nobody_has_the_port_any_more_the_workers_have_ended_and_their_reason_is_told(
    listening: Listening,
) -> None:
    with pytest.raises(HostError, match="its workers ended just after they were healthy") as raised:
        listening(set())
    assert "no licence" in "\n".join(raised.value.details)

"""In which order a started release becomes the live one, is watched and is logged; slots and systemd are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.host.release import committing, release_log, slots, starting, switching, watching
from homeport.host.release.request import DeployRequest
from homeport.host.release.slots import Slot, Slots
from homeport.host.services import health, hooks, processes, units
from homeport.host.services.health import Answer
from homeport.host.services.release_description import Release, load
from homeport.host.system.layout import BLUE, GREEN, Layout
from homeport.host.system.output import HostError
from tests.host.release.described import describe


class Host:
    """A host where r1 is live in blue and r2 runs in green; `problem` is what the watch finds."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout, self.done, self.problem = Layout("notes", root), list[str](), ""
        self.layout.log.parent.mkdir(parents=True)
        describe(self.layout, "r1")
        describe(self.layout, "r2")
        release_log.append(self.layout, release_log.LIVE, load(self.layout, "r1"), BLUE)
        blue, green = Slot(BLUE, "r1", active=True, enabled=True), Slot(GREEN, "r2", active=True, enabled=False)
        monkeypatch.setattr(slots, "read", lambda _: Slots(BLUE, blue, green))
        monkeypatch.setattr(slots, "halt", lambda _, slot: self.done.append(f"halt {slot}"))
        monkeypatch.setattr(health, "ask_repeatedly", lambda *_: Answer(good=True, text="answered 200"))
        monkeypatch.setattr(health, "site_name", lambda _: "")
        monkeypatch.setattr(switching, "take_over", lambda *_, **__: self.done.append("switch"))
        monkeypatch.setattr(switching, "go_back", lambda *_: self.done.append("back"))
        monkeypatch.setattr(switching, "drain", lambda _, slot, *__: self.done.append(f"drain {slot}"))
        monkeypatch.setattr(starting, "disarm", lambda _: None)
        monkeypatch.setattr(hooks, "run", lambda *_, **__: None)
        monkeypatch.setattr(watching, "watch", self.watch)
        for name in ("stop", "start"):
            monkeypatch.setattr(processes, name, lambda *_, **__: None)
        for name in ("enable", "disable"):
            monkeypatch.setattr(units, name, lambda *_, **__: None)
        monkeypatch.setattr(units, "show", lambda _: {"ActiveState": "active"})

    def watch(self, _layout: Layout, slot: str, release: Release, _enough: object) -> str:
        self.done.append(f"watch {slot}, log {release_log.verdicts(self.log()).get(release.id, 'without it')}")
        return self.problem

    def log(self) -> list[release_log.Event]:
        return release_log.read(self.layout)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_a_release_is_logged_as_live_only_when_it_has_been_watched(host: Host) -> None:
    committing.commit(host.layout, "r2", DeployRequest("me"))
    assert host.done[:3] == ["switch", *["watch green, log without it"] * 2]
    assert host.log()[1:] == [(release_log.LIVE, "r2")]
    assert host.done[3:] == ["drain blue", "halt blue"]


def test_a_release_that_fails_in_the_watch_was_never_live_by_the_log(host: Host) -> None:
    host.problem = "its process died"
    with pytest.raises(HostError, match="release r1 is live again"):
        committing.commit(host.layout, "r2", DeployRequest())
    assert host.log()[1:] == [(release_log.FAILED, "r2")]
    assert host.done == ["switch", "watch green, log without it", "back"]

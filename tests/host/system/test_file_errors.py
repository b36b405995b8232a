"""Errors of the file system: told with the whole path and what to do, and a slot that they stop is halted."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from homeport.host.proxies import site
from homeport.host.release import committing, slots, starting, switching
from homeport.host.release.request import DeployRequest
from homeport.host.release.slots import Slot, Slots
from homeport.host.services import health, units
from homeport.host.services.health import Answer
from homeport.host.services.release_description import Health, Release
from homeport.host.system.file_errors import explained
from homeport.host.system.layout import BLUE, GREEN, Layout
from homeport.host.system.output import HostError
from tests.host.immutable import fix


def refused(name: Path | str, target: Path | None = None) -> PermissionError:
    return PermissionError(errno.EPERM, "Operation not permitted", str(name), None, target and str(target))


@pytest.mark.parametrize("fixed", ["unit", "."])
def test_an_immutable_file_is_told_with_its_path_and_what_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixed: str
) -> None:
    unit = tmp_path / "unit"
    unit.touch()
    fix(monkeypatch, tmp_path / fixed)
    place = tmp_path / fixed
    assert str(explained(refused(tmp_path / ".unit.new", unit))) == (
        f"{place} may not be changed (lsattr says so); chattr -ia {place} allows it"
    )


def test_an_immutable_file_that_a_removal_met_is_found_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "code/deep/main.py"
    file.parent.mkdir(parents=True)
    file.touch()
    fix(monkeypatch, file)
    assert f"chattr -ia {file} allows it" in str(explained(refused("main.py"), tmp_path / "code"))


def test_other_errors_keep_their_words_and_say_where(tmp_path: Path) -> None:
    assert str(explained(refused(tmp_path / "x"))) == f"[Errno 1] Operation not permitted: '{tmp_path}/x'"
    assert str(explained(refused("x"), tmp_path)) == f"in {tmp_path}: [Errno 1] Operation not permitted: 'x'"
    full = OSError(errno.ENOSPC, "No space left on device", "/srv/x")
    assert str(explained(full)).startswith("the disk is full; free some space and run it again: ")


class Deploy:
    """r1 is live in blue and r2 is up in green; `error` is what the switch ends with, after the flip when `flipped`."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, *, flipped: bool) -> None:
        self.layout, self.done = Layout("notes", root), list[str]()
        self.layout.flag.parent.mkdir(parents=True)
        self.release = Release("r2", root, {BLUE: 1, GREEN: 2}, Health("/", 200, 1, 9), 1, has_migration=False)
        slot = Slot(BLUE, "r1", active=True, enabled=True), Slot(GREEN, "r2", active=True, enabled=False)
        self.found = Slots(BLUE, *slot)

        def take_over(*_: object, **__: object) -> None:
            if flipped:
                self.layout.flag.touch()
            raise error

        monkeypatch.setattr(health, "ask_repeatedly", lambda *_: Answer(True, "answered 200"))
        monkeypatch.setattr(health, "site_name", lambda _: "")
        monkeypatch.setattr(switching, "take_over", take_over)
        monkeypatch.setattr(slots, "halt", lambda _, name: self.done.append(f"halt {name}"))
        monkeypatch.setattr(starting, "record_failure", lambda *args, **_: self.done.append(f"failed: {args[3]}"))

    def go_live(self) -> None:
        committing._go_live(self.layout, self.found, GREEN, self.release, DeployRequest())


def test_a_release_that_the_file_system_keeps_from_going_live_is_stopped_and_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = tmp_path / "site"
    held.touch()
    fix(monkeypatch, held)
    deploy = Deploy(tmp_path, monkeypatch, refused(tmp_path / ".site.new", held), flipped=False)
    with pytest.raises(HostError, match=f"chattr -ia {held}"):
        deploy.go_live()
    assert [word.partition(";")[0] for word in deploy.done] == [
        "halt green",
        f"failed: {held} may not be changed (lsattr says so)",
    ]


def test_what_serves_already_goes_on_when_only_the_disk_did_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy = Deploy(tmp_path, monkeypatch, OSError(errno.EIO, "Input/output error"), flipped=True)
    with pytest.raises(HostError, match="Input/output error"):
        deploy.go_live()
    assert deploy.done == []


def test_a_way_back_is_gone_to_its_end_whatever_the_file_system_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy = Deploy(tmp_path, monkeypatch, HostError(""), flipped=False)
    deploy.layout.flag.touch()

    def install(*_: object, **__: object) -> None:
        raise refused(tmp_path / "site")

    monkeypatch.setattr(site, "install", install)
    monkeypatch.setattr(switching, "processes", type("None", (), {"stop": print, "start": print}))
    monkeypatch.setattr(switching, "drain", lambda *_: None)
    monkeypatch.setattr(units, "is_active", lambda _: True)
    monkeypatch.setattr(units, "run_checked", lambda *_: "")
    switching.go_back(deploy.layout, deploy.release, BLUE, deploy.release, GREEN)
    assert not deploy.layout.flag.exists()
    assert deploy.done == ["halt green"]
    assert "while going back: [Errno 1]" in capsys.readouterr().out

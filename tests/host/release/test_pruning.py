"""What is removed and what never is."""

import errno
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeport.host.release.pruning import previous, prune, releases_to_prune, removable
from homeport.host.release.release_log import Event
from homeport.host.system import atomic
from homeport.host.system.layout import Layout

names = st.sampled_from([f"r{number}" for number in range(12)])
KINDS = ["live", "failed", "started", "rolled-back"]
logs = st.lists(st.builds(Event, st.sampled_from(KINDS), names), max_size=40)


def good_ones(log: list[Event]) -> list[str]:
    """Return, the newest first, the releases whose last word in the log is that they were live."""
    last = {event.release: event.event for event in log if event.event != "started"}
    order = dict.fromkeys(event.release for event in reversed(log) if event.event == "live")
    return [name for name in order if last[name] == "live"]


@given(st.sets(names), logs, st.sets(names), st.integers(1, 8))
def test_pruning_keeps_what_is_in_use_and_the_newest(
    present: set[str], log: list[Event], used: set[str], keep: int
) -> None:
    gone = releases_to_prune(present, log, in_use=used, keep=keep)
    good = [name for name in good_ones(log) if name in present]

    assert set(gone) <= present - used
    assert not set(gone) & set(good[:keep])
    assert set(good[keep:]) - used <= set(gone)
    assert present - set(good) - used <= set(gone)
    assert len(present - set(gone) - used) <= keep


@given(st.sets(names), logs, st.sets(names), st.integers(1, 8))
def test_pruning_again_finds_nothing(present: set[str], log: list[Event], used: set[str], keep: int) -> None:
    left = present - set(releases_to_prune(present, log, in_use=used, keep=keep))

    assert releases_to_prune(left, log, in_use=used, keep=keep) == []


@given(st.sets(names), logs, st.sets(names), st.integers(1, 8), names)
def test_a_release_that_fails_pushes_out_none_that_is_good(
    present: set[str], log: list[Event], used: set[str], keep: int, failing: str
) -> None:
    before = present - set(releases_to_prune(present, log, in_use=used, keep=keep))
    tried = [*log, Event("started", failing), Event("failed", failing)]
    after = present - set(releases_to_prune(present, tried, in_use=used, keep=keep))

    assert before - {failing} <= after


class Host:
    """A folder that looks like a host's."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout("notes", root)
        for folder in (self.layout.base / "slots", self.layout.settings / "slots", self.layout.venvs):
            folder.mkdir(parents=True)

    def release(self, name: str, venv: str) -> None:
        for tree in (self.layout.code_releases, self.layout.settings_releases):
            (tree / name).mkdir(parents=True)
        (self.layout.code_releases / name / ".venv").symlink_to(self.layout.venvs / venv)
        (self.layout.venvs / venv).mkdir(exist_ok=True)
        (self.layout.venvs / venv / ".complete").touch()

    def log(self, *entries: str) -> None:
        pairs = [entry.split() for entry in entries]
        self.layout.log.write_text("".join(json.dumps({"event": e, "release": r}) + "\n" for e, r in pairs))

    def point(self, slot: str, release: str) -> None:
        for link in self.layout.links(slot):
            atomic.point(link, f"../releases/{release}")

    def left(self) -> tuple[list[str], list[str], list[str]]:
        trees = (self.layout.code_releases, self.layout.settings_releases, self.layout.venvs)
        code, settings, venvs = (sorted(path.name for path in tree.iterdir()) for tree in trees)
        return code, settings, venvs


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    for number in range(1, 6):
        made.release(f"r{number}", f"v{number // 2}")
    made.log("live r1", "live r2", "failed r3", "live r4", "live r5")
    made.point("blue", "r5")
    made.point("green", "r4")
    return made


def test_old_and_failed_releases_go_with_the_environments_that_nobody_else_has(host: Host) -> None:
    prune(host.layout, keep=2, leftover_seconds=0)

    assert host.left() == (["r4", "r5"], ["r4", "r5"], ["v2"])


def test_a_good_release_of_which_a_part_is_missing_goes_and_pushes_out_none_that_is_whole(host: Host) -> None:
    (host.layout.settings_releases / "r2").rmdir()

    prune(host.layout, keep=3, leftover_seconds=0)

    assert host.left()[:2] == (["r1", "r4", "r5"], ["r1", "r4", "r5"])


def test_folders_of_a_machines_image_which_cannot_be_renamed_go_as_well(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link", str(self))

    monkeypatch.setattr(Path, "rename", refuse)
    prune(host.layout, keep=2, leftover_seconds=0)

    assert host.left() == (["r4", "r5"], ["r4", "r5"], ["v2"])


def test_a_slot_keeps_its_release_however_old_it_is(host: Host) -> None:
    host.point("green", "r1")

    prune(host.layout, keep=1, leftover_seconds=0)

    assert host.left() == (["r1", "r4", "r5"],) * 2 + (["v0", "v2"],)


def test_a_pinned_release_stays_with_its_environment(host: Host) -> None:
    prune(host.layout, keep=2, pins=["r1", "no-such-release"], leftover_seconds=0)

    assert host.left() == (["r1", "r4", "r5"],) * 2 + (["v0", "v2"],)


def test_a_release_that_has_just_failed_stays_for_a_while(host: Host) -> None:
    prune(host.layout, keep=2)

    assert host.left()[0] == ["r3", "r4", "r5"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_live_one_the_one_to_go_back_to_and_pinned_ones_are_never_removed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    made = Host(tmp_path_factory.mktemp("host"))
    present = data.draw(st.sets(names, min_size=1).map(sorted))
    for name in present:
        made.release(name, "v1")
    live = data.draw(st.sampled_from(present))
    made.point("blue", live)
    idle = data.draw(st.none() | st.sampled_from(present))
    if idle:
        made.point("green", idle)
    log = [*data.draw(logs), Event("live", live)]
    made.log(*(f"{event.event} {event.release}" for event in log))
    pins = data.draw(st.sets(names))

    prune(made.layout, data.draw(st.integers(1, 4)), pins, leftover_seconds=0)

    back = next((name for name in good_ones(log) if name != live and name in present), None)
    assert previous(made.layout, live) == back
    assert set(made.left()[0]) >= {live, *(pins & set(present)), *filter(None, (idle, back))}
    assert made.left()[0] == made.left()[1]


def test_a_half_made_release_is_pruned_once_it_is_old(host: Host) -> None:
    (host.layout.code_releases / "r6.partial").mkdir()
    (host.layout.settings_releases / "r7").mkdir()
    (host.layout.venvs / "v9").mkdir()

    prune(host.layout, keep=9)
    assert "r6.partial" in host.left()[0]
    assert "r7" in host.left()[1]
    assert "v9" in host.left()[2]

    prune(host.layout, keep=9, leftover_seconds=0)
    assert host.left() == (["r1", "r2", "r4", "r5"],) * 2 + (["v0", "v1", "v2"],)


def test_a_release_that_was_just_uploaded_stays(host: Host) -> None:
    host.release("r6", "v6")

    prune(host.layout, keep=9)

    assert "r6" in host.left()[0]
    assert "v6" in host.left()[2]


def test_a_dry_run_removes_nothing(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    before = host.left()

    prune(host.layout, keep=2, dry_run=True, leftover_seconds=0)

    assert host.left() == before
    assert capsys.readouterr().out.splitlines()[0] == "would remove release r1"


def test_pruning_twice_says_nothing_the_second_time(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    prune(host.layout, keep=2, leftover_seconds=0)
    capsys.readouterr()

    prune(host.layout, keep=2, leftover_seconds=0)

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("keep", range(1, 7))
@pytest.mark.parametrize("coming", ["r6", "r2"])
def test_what_a_deploy_will_remove_is_known_before_its_release_is_on_the_host(
    host: Host, keep: int, coming: str
) -> None:
    expected = removable(host.layout, keep, coming=coming, leftover_seconds=0)
    if coming == "r6":
        host.release(coming, "v6")
    host.log("live r1", "live r2", "failed r3", "live r4", "live r5", f"live {coming}")
    host.point("green", coming)
    atomic.write(host.layout.flag, b"")

    assert removable(host.layout, keep, leftover_seconds=0) == expected
    prune(host.layout, keep, leftover_seconds=0)
    assert removable(host.layout, keep, leftover_seconds=0) == ([], [])

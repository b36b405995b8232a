"""What is removed and what never is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.host import durable
from homeport.host.journal import Event
from homeport.host.layout import Layout
from homeport.host.pruning import prune, releases_to_prune

names = st.sampled_from([f"r{number}" for number in range(12)])
logs = st.lists(st.builds(Event, st.sampled_from(["live", "failed", "started"]), names), max_size=40)


@given(st.sets(names), logs, st.sets(names), st.integers(1, 8))
def test_pruning_keeps_what_is_in_use_and_the_newest(
    present: set[str], log: list[Event], used: set[str], keep: int
) -> None:
    gone = releases_to_prune(present, log, in_use=used, keep=keep)
    order = list(dict.fromkeys(event.release for event in reversed(log) if event.event == "live"))
    good = [name for name in order if name in present]

    assert set(gone) <= present - used
    assert not set(gone) & set(good[:keep])
    assert set(good[keep:]) - used <= set(gone)
    assert len(present - set(gone) - used) <= keep


@given(st.sets(names), logs, st.sets(names), st.integers(1, 8))
def test_pruning_again_finds_nothing(present: set[str], log: list[Event], used: set[str], keep: int) -> None:
    left = present - set(releases_to_prune(present, log, in_use=used, keep=keep))

    assert releases_to_prune(left, log, in_use=used, keep=keep) == []


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
            durable.point(link, f"../releases/{release}")

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


def test_a_slot_keeps_its_release_however_old_it_is(host: Host) -> None:
    host.point("green", "r1")

    prune(host.layout, keep=1, leftover_seconds=0)

    assert host.left() == (["r1", "r5"], ["r1", "r5"], ["v0", "v2"])


def test_what_is_half_made_goes_once_it_is_old(host: Host) -> None:
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

"""Folders that are kept between runs: whole or not there, whoever else makes the same one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from homeport.controller.folders import ABANDONED_SECONDS, new_folder, remove_abandoned


def is_whole(place: Path) -> bool:
    return (place / ".complete").exists()


def test_processes_that_make_the_same_folder_at_a_time_all_find_one_and_leave_nothing(tmp_path: Path) -> None:
    place = tmp_path / "tool"
    with new_folder(place, is_whole) as slow:
        with new_folder(place, is_whole) as quick:
            for new in (slow, quick):
                new.mkdir()
                (new / "content").write_text("quick" if new is quick else "slow")
                (new / ".complete").touch()
        assert (place / "content").read_text() == "quick"
    assert (place / "content").read_text() == "quick"
    assert [one.name for one in tmp_path.iterdir()] == ["tool"]


def test_what_is_broken_is_replaced_and_what_fails_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "tool"
    (place / "bin").mkdir(parents=True)
    with suppress(RuntimeError), new_folder(place, is_whole) as new:
        new.mkdir()
        raise RuntimeError
    assert (place / "bin").exists()
    with new_folder(place, is_whole) as new:
        new.mkdir()
        (new / ".complete").touch()
    assert [one.name for one in place.iterdir()] == [".complete"]
    assert [one.name for one in tmp_path.iterdir()] == ["tool"]


def test_what_a_process_that_died_has_left_goes_after_a_day(tmp_path: Path) -> None:
    for name in (".tool.old", ".tool.new", "tool"):
        (tmp_path / name).mkdir()
    for name in (".tool.old", "tool"):
        os.utime(tmp_path / name, (0, tmp_path.stat().st_mtime - ABANDONED_SECONDS - 60))
    remove_abandoned(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == [".tool.new", "tool"]

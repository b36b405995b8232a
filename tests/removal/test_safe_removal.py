"""Removing with care: links are not followed out of what is ours, and what is mounted is told before anything goes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from homeport.host.system.output import HostError
from homeport.removal import application, safe_removal
from tests.host.immutable import fix

from .conftest import Host


def test_a_folder_that_somebody_has_put_on_another_disk_is_emptied_and_its_link_stays(tmp_path: Path) -> None:
    disk, link = tmp_path / "disk", tmp_path / "state"
    (disk / "inside").mkdir(parents=True)
    (disk / "inside" / "file").write_text("")
    link.symlink_to(disk)
    assert safe_removal.is_left(link)
    safe_removal.remove(link)
    assert (link.is_symlink(), list(disk.iterdir())) == (True, [])
    assert not safe_removal.is_left(link)


def test_a_link_inside_a_folder_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "file").write_text("theirs")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "link").symlink_to(tmp_path / "others")
    safe_removal.remove(tmp_path / "ours")
    assert (tmp_path / "others" / "file").read_text() == "theirs"


def test_half_made_files_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    for name in ("note.conf.homeport-new", ".note.conf.new", "other.conf.homeport-new"):
        (tmp_path / name).write_text("")
    assert safe_removal.is_left(tmp_path / "note.conf")
    safe_removal.remove(tmp_path / "note.conf")
    assert [path.name for path in tmp_path.iterdir()] == ["other.conf.homeport-new"]


def test_mount_points_inside_are_found_and_the_folder_itself_is_none(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    points = ("/", f"{tmp_path}/srv/note", f"{tmp_path}/srv/note/my\\040media", f"{tmp_path}/srv/note-admin/media")
    table.write_text("".join(f"1 2 0:1 / {point} rw - ext4 /dev/x rw\n" for point in points))
    assert safe_removal.mounted_below([tmp_path / "srv" / "note"], table) == [f"{tmp_path}/srv/note/my media"]


def test_data_that_are_mounted_somewhere_are_of_no_account_when_they_stay(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[list[Path]] = []
    monkeypatch.setattr(safe_removal, "mounted_below", looked.append)
    application.mounted(host.job("note"))
    application.mounted(host.job("note", data=True))
    assert [host.root / "var/lib/note" in folders for folders in looked] == [False, True]


def test_a_path_that_cannot_be_removed_is_named_whole_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = tmp_path / "code/releases/one/main.py"
    held.parent.mkdir(parents=True)
    held.touch()

    def rmtree(folder: Path) -> None:
        raise PermissionError(1, "Operation not permitted", "main.py")

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    with pytest.raises(HostError, match=f"in {tmp_path / 'code'}: .* not permitted: 'main.py'"):
        safe_removal.remove(tmp_path / "code")
    fix(monkeypatch, held)
    with pytest.raises(HostError, match=f"{held} may not be changed .*; chattr -ia {held} allows it"):
        safe_removal.remove(tmp_path / "code")

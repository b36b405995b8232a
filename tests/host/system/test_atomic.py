"""A file's content is on the disk before its name, and the name before anybody goes on: what a power cut leaves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homeport.host.system import atomic


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is put on the disk, in its order: a file with its content, a folder with its entries."""
    found: list[str] = []

    def fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").resolve()
        entries = sorted(one.name for one in path.iterdir()) if path.is_dir() else None
        found.append(f"folder with {entries}" if entries is not None else f"{path.name}: {path.read_text()}")

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def test_a_files_new_content_is_on_the_disk_before_it_gets_its_name_and_the_name_afterwards(
    tmp_path: Path, synced: list[str]
) -> None:
    (tmp_path / "site").write_text("old")
    atomic.write(tmp_path / "site", b"new")
    assert synced == [".site.new: new", "folder with ['site']"]
    assert (tmp_path / "site").read_text() == "new"


def test_what_a_killed_run_left_half_made_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".site.new").write_text("half of something long")
    atomic.write(tmp_path / "site", b"new", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["site"]
    assert (tmp_path / "site").read_text() == "new"
    assert (tmp_path / "site").stat().st_mode & 0o777 == 0o600


def test_a_link_is_never_missing_while_it_comes_to_point_elsewhere(
    tmp_path: Path, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    link, rename = tmp_path / "current", Path.replace
    link.symlink_to("one")
    seen: list[str] = []

    def replace(path: Path, target: Path) -> Path:
        seen.append(str(link.readlink()))
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    atomic.point(link, "two")
    assert (seen, str(link.readlink())) == (["one"], "two")
    assert synced == ["folder with ['current']"]


def test_that_a_file_is_gone_is_on_the_disk_too(tmp_path: Path, synced: list[str]) -> None:
    (tmp_path / "flag").touch()
    atomic.remove(tmp_path / "flag")
    assert synced == ["folder with []"]
    atomic.remove(tmp_path / "flag")
    assert len(synced) == 1

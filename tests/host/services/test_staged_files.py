"""Files that are checked before they are put in place: nothing is written to what is in use, whatever the links."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from homeport.host.machine import access, firewall, sshd
from homeport.host.proxies import site
from homeport.host.services import staged_files
from homeport.host.services.release_description import Health, Release
from homeport.host.services.staged_files import Stage, check_targets
from homeport.host.system import file_state
from homeport.host.system.layout import Layout
from homeport.host.system.output import HostError
from tests.capabilities import gives_files_away

Seen = dict[str, str]


def contents(folder: Path) -> dict[str, str]:
    """Return what is below a folder: the text of files, and where links lead."""
    return {
        str(path.relative_to(folder)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What the check sees in the copies, by final path; the check refuses."""
    found: Seen = {}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        first = command.index("sh", 3) + 1
        pairs = command[first + 1 : first + 1 + 2 * int(command[first])]
        for copied, real in zip(pairs[::2], pairs[1::2], strict=True):
            found.update({f"{real}/{name}": text for name, text in contents(Path(copied)).items()})
        return subprocess.CompletedProcess(command, 1, "", "refused")

    monkeypatch.setattr(staged_files, "run", run)
    return found


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A root with sshd's settings and Nginx's."""
    files = {
        "etc/ssh/sshd_config": "Include",
        "etc/ssh/sshd_config.d/00-homeport.conf": "old",
        "etc/nginx/nginx.conf": "main",
        "etc/nginx/homeport/notes.conf": "old",
        "etc/homeport/firewall.d/notes.nft": "old",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "etc"


def linked(place: Path) -> Path:
    """Move what is at `place` elsewhere, put a link there, and return where it is now."""
    elsewhere = place.with_name(f"{place.name}.elsewhere")
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    return elsewhere


@pytest.mark.parametrize("link", ["ssh", "ssh/sshd_config.d", "ssh/sshd_config.d/00-homeport.conf"])
@pytest.mark.parametrize("content", [b"new", None])
def test_sshds_check_writes_nothing_through_a_link(
    etc: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, link: str, content: bytes | None
) -> None:
    monkeypatch.setattr(sshd, "FOLDER", etc / "ssh")
    monkeypatch.setattr(sshd, "DROP_INS", etc / "ssh/sshd_config.d")
    linked(etc / link)
    before = contents(etc)
    stage = tmp_path / "stage"
    stage.mkdir()
    drop_in = etc / "ssh/sshd_config.d/00-homeport.conf"
    with pytest.raises(HostError, match="nothing was changed"):
        sshd.check(stage, {drop_in: content})
    assert contents(etc) == before
    final = os.path.realpath(drop_in.parent) + "/00-homeport.conf"
    assert seen.get(final) == (content.decode() if content else None)


@pytest.mark.parametrize("link", ["homeport", "homeport/firewall.d", "homeport/firewall.d/notes.nft"])
def test_the_firewalls_check_writes_nothing_through_a_link(
    etc: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, link: str
) -> None:
    openings = etc / "homeport/firewall.d"
    monkeypatch.setattr(firewall, "OPENINGS", openings)
    monkeypatch.setattr(firewall, "RULES", etc / "homeport/firewall.nft")
    linked(etc / link)
    before = contents(etc)
    stage = tmp_path / "stage"
    stage.mkdir()
    changed = {openings / "notes.nft": b"new", etc / "homeport/firewall.nft": b"rules"}
    with pytest.raises(HostError, match="nothing was changed"):
        firewall.check(stage, changed)
    assert contents(etc) == before
    assert seen[os.path.realpath(openings) + "/notes.nft"] == "new"


@pytest.mark.parametrize("link", ["nginx", "nginx/homeport", "nginx/homeport/notes.conf"])
def test_the_check_of_a_site_writes_nothing_through_a_link(etc: Path, seen: Seen, tmp_path: Path, link: str) -> None:
    layout = Layout("notes", tmp_path)
    release = Release("new", tmp_path / "files", {}, Health("/", 200, 1, 9), 1, has_migration=False)
    release.files.mkdir(parents=True)
    (release.files / "site.conf").write_text("new")
    linked(etc / link)
    before = contents(etc)
    with pytest.raises(HostError, match="nginx does not accept its site"):
        site.check(layout, release)
    assert contents(etc) == before
    assert seen[os.path.realpath(site.place(layout).parent) + "/notes.conf"] == "new"


def test_a_folder_inside_one_that_is_copied_is_copied_once(etc: Path, tmp_path: Path) -> None:
    stage = Stage(tmp_path / "stage")
    whole = stage.copy(etc / "nginx")
    assert stage.copy(etc / "nginx/homeport") == whole / "homeport"
    stage.put(etc / "nginx/new/site.conf", b"new")
    assert (whole / "new/site.conf").read_text() == "new"
    assert len(list((tmp_path / "stage").iterdir())) == 1


def test_a_mount_point_cannot_be_replaced_and_its_neighbour_can(
    etc: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = tmp_path / "mountinfo"
    main = etc / "nginx/nginx.conf"
    table.write_text(f"36 35 98:0 /x {main} rw - ext4 /dev/root rw\n")
    monkeypatch.setattr(staged_files, "MOUNTS", table)
    check_targets([etc / "ssh/sshd_config", etc / "nowhere/yet"])
    with pytest.raises(HostError, match=f"{main} is a mount point"):
        check_targets([etc / "ssh/sshd_config", main])
    linked(etc / "nginx")
    table.write_text(f"36 35 98:0 /x {etc}/nginx.elsewhere/nginx.conf rw - ext4 /dev/root rw\n")
    with pytest.raises(HostError, match="is a mount point"):
        check_targets([main])


@pytest.mark.parametrize("fixed", ["nginx.conf", "."])
def test_an_immutable_target_is_refused(etc: Path, monkeypatch: pytest.MonkeyPatch, fixed: str) -> None:
    folder = etc / "nginx"
    known = (folder / fixed).stat().st_ino

    def ioctl(handle: int, request: int, flags: Any) -> None:
        flags[0] = 0x10 if os.fstat(handle).st_ino == known else 0x80000

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    check_targets([etc / "ssh/sshd_config"])
    with pytest.raises(HostError, match="may not be changed"):
        check_targets([folder / "nginx.conf"])


@pytest.mark.skipif(not gives_files_away(), reason="what is put back belongs to root")
def test_a_file_is_put_back_with_its_mode_and_a_link_as_a_link(tmp_path: Path) -> None:
    file, link, nothing, old = (tmp_path / name for name in ("file", "link", "nothing", "old"))
    file.write_text("mine")
    file.chmod(0o600)
    link.symlink_to(file)
    kept = {path: file_state.saved(path) for path in (file, link, nothing)}
    for path in kept:
        path.unlink(missing_ok=True)
        path.write_text("ours")
    for path, what in kept.items():
        file_state.put_back(path, what)
    assert (file.read_text(), file.stat().st_mode & 0o7777) == ("mine", 0o600)
    assert link.readlink() == file
    assert not nothing.exists()
    # What the host program of an older version has left.
    file_state.put_back(old, "b2xk")
    assert (old.read_text(), old.stat().st_mode & 0o7777) == ("old", 0o644)


def test_a_link_is_never_as_it_shall_be(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("ours")
    file.chmod(0o644)
    link.symlink_to(file)
    assert not access._is_as_recorded(link, b"ours")
    assert access._is_as_recorded(file, b"ours") == (os.geteuid() == 0)
    assert access._is_as_recorded(tmp_path / "nothing", None)
    assert not access._is_as_recorded(link, None)

"""What is published of a release: copies of regular files, and nothing by way of a link, a dot or another folder."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from homeport.host.release import static_files
from homeport.host.release.pruning import prune
from homeport.host.services.release_description import Health, Release, Served
from homeport.host.system.layout import Layout
from homeport.host.system.output import HostError

HASH = "assets/index-8f3a9c1b.js"


class Host:
    """A root of files with releases, whose settings say what is served."""

    def __init__(self, root: Path):
        self.layout = Layout("shop", root)
        self.static = root / "var/www/homeport-static-shop"

    def release(self, name: str, files: dict[str, str], served: dict[str, str] | None = None) -> Release:
        code = self.layout.code_releases / name
        for path, text in files.items():
            (code / path).parent.mkdir(parents=True, exist_ok=True)
            (code / path).write_text(text)
            os.utime(code / path, (1000, 1000))
        (self.layout.settings_releases / name).mkdir(parents=True)
        folders = {"/": "dist"} if served is None else served
        static = tuple(Served(at, folder) for at, folder in folders.items())
        health = Health("/health", 200, 1, 1)
        return Release(name, self.layout.settings_releases / name, {}, health, 1, has_migration=False, static=static)

    def goes_live(self, slot: str, release: Release) -> None:
        static_files.publish(self.layout, release)
        static_files.point(self.layout, slot, release)

    def published(self, name: str) -> dict[str, str]:
        """Return the text of each published file, by its place below the release's folder."""
        top = self.layout.static_releases / name
        return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}

    def bridged(self) -> set[str]:
        top = self.layout.static_bridge
        return {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    # Only root may give a folder away; the lab's machines show whose it is.
    monkeypatch.setattr(shutil, "chown", lambda *_, **__: None)
    return Host(tmp_path)


def test_files_are_published_below_their_url_and_by_whether_their_name_has_a_hash(host: Host) -> None:
    files = {"app/static/a.css": "a", "dist/index.html": "i", f"dist/{HASH}": "h", "main.py": "code", ".env": "secret"}
    release = host.release("r1", files, {"/static": "app/static", "/": "dist"})
    host.goes_live("blue", release)
    assert host.published("r1") == {
        f"hashed/{HASH}": "h",
        "plain/index.html": "i",
        "plain/static/a.css": "a",
    }
    assert (host.static / "slots/shop_blue").readlink() == Path("../releases/r1")
    assert host.bridged() == {HASH}


def with_page(host: Host, name: str, served: dict[str, str]) -> Release:
    files = {"pages/error.html": "sorry", "dist/index.html": "i", "main.py": "code"}
    return host.release(name, files, served)._replace(error_page="pages/error.html")


def test_the_page_for_errors_is_published_beside_the_files_or_alone(host: Host) -> None:
    host.goes_live("blue", with_page(host, "r1", {}))
    assert host.published("r1") == {"error.html": "sorry"}
    assert (host.static / "slots/shop_blue/error.html").read_text() == "sorry"
    host.goes_live("green", with_page(host, "r2", {"/": "dist"}))
    assert host.published("r2") == {"error.html": "sorry", "plain/index.html": "i"}
    page = host.static / "slots/shop_green/error.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o644
    host.goes_live("green", host.release("r3", {}, {}))
    assert not page.exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "../main.py", None])
def test_a_page_for_errors_that_is_no_file_of_the_release_is_published_by_no_means(
    host: Host, target: str | None
) -> None:
    release = with_page(host, "r1", {})
    page = host.layout.code_releases / "r1/pages/error.html"
    page.unlink()
    if target:
        page.symlink_to(target)
    with pytest.raises(HostError, match=r"has no page pages/error\.html"):
        static_files.publish(host.layout, release)
    assert host.published("r1") == {}


def test_nothing_is_published_by_way_of_a_link_a_dot_or_what_is_no_file(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"dist/index.html": "i", "dist/.env": "no", "dist/.git/config": "no", "dist/.well-known/a.json": "yes"}
    release = host.release("r1", {**files, "main.py": "code", "dist/real.txt": "real", "other/x.txt": "no"})
    code = host.layout.code_releases / "r1"
    for name, target in {
        "passwd.txt": "/etc/passwd",
        "up.txt": "../main.py",
        "hidden.txt": ".env",
        "gone.txt": "nowhere",
        "folder": "../other",
        "loop": "loop",
        "same.txt": "real.txt",
    }.items():
        (code / "dist" / name).symlink_to(target)
    os.mkfifo(code / "dist/pipe")
    host.goes_live("blue", release)
    assert set(host.published("r1")) == {
        "plain/index.html",
        "plain/real.txt",
        "plain/same.txt",
        "plain/.well-known/a.json",
    }
    assert not any(path.is_symlink() for path in host.layout.static_releases.rglob("*"))
    assert "folder and 6 more in dist is not served" in capsys.readouterr().out


@pytest.mark.parametrize("link", ["/etc", "../..", "other"])
def test_a_folder_that_is_a_link_is_refused(host: Host, link: str) -> None:
    release = host.release("r1", {"other/x.txt": "x"})
    (host.layout.code_releases / "r1/dist").symlink_to(link)
    with pytest.raises(HostError, match="has no folder dist, which is to be served at /"):
        static_files.publish(host.layout, release)
    assert not (host.layout.static_releases / "r1").exists()


def test_a_folder_of_dot_files_alone_is_refused(host: Host) -> None:
    with pytest.raises(HostError, match="no file in dist that may be served"):
        static_files.publish(host.layout, host.release("r1", {"dist/.env": "x"}))


def test_others_may_read_the_files_and_the_proxy_alone_may_enter(host: Host) -> None:
    umask = os.umask(0o077)
    try:
        host.goes_live("blue", host.release("r1", {"dist/a/b.txt": "x", f"dist/{HASH}": "h"}))
    finally:
        os.umask(umask)
    assert stat.S_IMODE(host.static.stat().st_mode) == 0o750
    for path in host.static.rglob("*"):
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path


def test_equal_content_has_an_equal_time_and_another_content_of_the_same_size_another(host: Host) -> None:
    """Nginx makes the ETag of time and size: two builds of one commit have both in common, and must not be one file."""
    for name, text in (("r1", "index-1"), ("r2", "index-2"), ("r3", "index-1")):
        host.goes_live("blue", host.release(name, {"dist/index.html": text}))
    times = [(host.layout.static_releases / name / "plain/index.html").stat().st_mtime for name in ("r1", "r2", "r3")]
    assert times[0] == times[2] != times[1]
    assert all(0 < time < 1262304000 for time in times)


def test_equal_files_of_two_releases_take_the_disk_once(host: Host) -> None:
    first = host.release("r1", {"dist/big.bin": "x" * 10000, "dist/index.html": "1"})
    host.goes_live("blue", first)
    host.goes_live("green", host.release("r2", {"dist/big.bin": "x" * 10000, "dist/index.html": "2"}))
    one, two = (host.layout.static_releases / name / "plain" for name in ("r1", "r2"))
    assert (one / "big.bin").samefile(two / "big.bin")
    assert not (host.layout.code_releases / "r1/dist/big.bin").samefile(one / "big.bin")
    assert (one / "index.html").read_text() == "1"


def test_the_bridge_has_the_hashed_files_of_all_kept_releases_and_loses_those_of_removed_ones(host: Host) -> None:
    names = [f"assets/index-{number}f3a9c1b.js" for number in range(3)]
    for number, name in enumerate(names):
        host.goes_live("blue", host.release(f"r{number}", {f"dist/{name}": name, "dist/index.html": str(number)}))
    assert host.bridged() == set(names)
    shutil.rmtree(host.layout.static_releases / "r0")
    static_files.prune(host.layout)
    assert host.bridged() == set(names[1:])
    assert (host.layout.static_bridge / names[1]).read_text() == names[1]


def test_pruning_releases_removes_their_files_and_what_only_they_bridged(host: Host) -> None:
    old, new = (host.release(name, {f"dist/a.{name}f3a9c1b.js": name}) for name in ("a1", "b2"))
    for slot, release in (("blue", old), ("green", new)):
        host.goes_live(slot, release)
        for link in host.layout.links(slot):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to("../releases/b2")
    host.layout.log.write_text("")
    prune(host.layout, keep=2, leftover_seconds=-10)
    assert not (host.layout.static_releases / "a1").exists()
    assert host.bridged() == {"a.b2f3a9c1b.js"}


def test_a_name_that_a_later_release_gives_to_other_content_is_that_of_the_newer(host: Host) -> None:
    host.goes_live("blue", host.release("r1", {f"dist/{HASH}": "one"}))
    host.goes_live("green", host.release("r2", {f"dist/{HASH}": "two"}))
    assert (host.layout.static_bridge / HASH).read_text() == "two"
    assert host.published("r1") == {f"hashed/{HASH}": "one"}


def test_a_folder_may_take_the_place_of_a_file_in_the_bridge_and_the_other_way_round(host: Host) -> None:
    host.goes_live("blue", host.release("r1", {"dist/x.8f3a9c1b.js": "file"}))
    host.goes_live("green", host.release("r2", {"dist/x.8f3a9c1b.js/y.8f3a9c1b.js": "below"}))
    host.goes_live("blue", host.release("r3", {"dist/x.8f3a9c1b.js": "file again"}))
    assert (host.layout.static_bridge / "x.8f3a9c1b.js").read_text() == "file again"


def test_what_a_killed_run_left_half_made_is_made_again_and_its_bridge_is_completed(host: Host) -> None:
    release = host.release("r1", {f"dist/{HASH}": "h"})
    half = host.layout.static_releases / "r1.partial/plain"
    half.mkdir(parents=True)
    (half / "rubbish.txt").write_text("x")
    static_files.publish(host.layout, release)
    assert host.published("r1") == {f"hashed/{HASH}": "h"}
    shutil.rmtree(host.layout.static_bridge)
    host.layout.static_bridge.mkdir()
    static_files.publish(host.layout, release)
    assert host.bridged() == {HASH}


def test_a_folder_inside_the_place_of_another_is_served_from_its_own(host: Host) -> None:
    files = {"dist/index.html": "outer", "dist/admin/index.html": "wrong", "dist/admin/old.js": "wrong"}
    release = host.release("r1", {**files, "adm/index.html": "inner"}, {"/": "dist", "/admin": "adm"})
    host.goes_live("blue", release)
    assert host.published("r1") == {"plain/index.html": "outer", "plain/admin/index.html": "inner"}


def test_a_release_without_files_takes_the_slots_link_away_and_makes_no_folder(host: Host) -> None:
    none = host.release("r0", {"main.py": ""}, {})
    host.goes_live("blue", none)
    assert not host.static.exists()
    host.goes_live("blue", host.release("r1", {"dist/index.html": "i"}))
    host.goes_live("blue", none)
    assert not (host.static / "slots/shop_blue").is_symlink()


def test_a_site_that_serves_fewer_folders_is_told_apart(host: Host) -> None:
    none, one = host.release("r0", {}, {}), host.release("r1", {}, {"/static": "a"})
    other, both = host.release("r2", {}, {"/x": "a"}), host.release("r3", {}, {"/static": "b", "/x": "a"})
    assert [static_files.serves_less(a, b) for a, b in ((one, none), (one, other), (both, one))] == [True] * 3
    assert [static_files.serves_less(a, b) for a, b in ((none, one), (one, both), (one, one))] == [False] * 3

"""The script of the Files phase, really run by the shells that a host may have; a folder stands for the root."""

from __future__ import annotations

import getpass
import grp
import hashlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from homeport.operations.command import packed, script
from homeport.state.wanted import File
from tests.capabilities import gives_files_away

pytestmark = pytest.mark.skipif(not gives_files_away(), reason="what comes in the archive belongs to root")
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
USER, GROUP = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
PROGRAM = "/usr/local/lib/homeport/hostprogram"
PLACES = ("/etc/homeport", "/etc/nginx", "/var/lib/homeport", "/run/homeport", "/proc/self/mountinfo", PROGRAM)
NGINX = "/etc/nginx/nginx.conf"
SITE = "/etc/nginx/homeport/00-default.conf"


class Root:
    """A folder in the place of a host's root; `nginx` is what stands in for `nginx -t`, given the staged folders."""

    def __init__(self, folder: Path, shell: str):
        self.folder, self.shell = folder, shell
        for place in ("etc/nginx/homeport", "etc/homeport", "var/lib", "run/homeport", "proc/self", "bin"):
            (folder / place).mkdir(parents=True)
        (folder / "proc/self/mountinfo").touch()
        self.has("unshare", 'shift 5; while [ "$1" != -- ]; do find "$1" -type f -exec cat {} +; shift 2; done')
        self.has("systemctl")

    def has(self, name: str, body: str = "") -> None:
        program = self.folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)

    def at(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def write(self, path: str, text: str) -> Path:
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_text(text)
        return self.at(path)

    def run(
        self, files: dict[str, str], *rows: tuple[str, str], app: str = "notes"
    ) -> subprocess.CompletedProcess[str]:
        """Put `files` (path, content) in place, with further `rows` of the manifest (what, path)."""
        wanted = [File(str(self.at(path)), content, owner=USER, group=GROUP) for path, content in files.items()]
        lines = [f"file\t644\t{USER}\t{GROUP}\t{one.path}\n" for one in wanted]
        lines += [f"{what}\t755\t{USER}\t{GROUP}\t{self.at(path)}\n" for what, path in rows]
        payload = packed(((f"root{one.path}", one) for one in wanted), extra=[("manifest", "".join(lines))])
        text, *words = (word.obj for word in script("files", app).bits[2:])
        for place in PLACES:
            text = text.replace(place, f"{self.folder}{place}")
        shell = [self.shell, *(["sh"] if self.shell == "busybox" else [])]
        return subprocess.run(
            [*shell, "-c", text, *words],
            input=payload,
            env={**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def original(self, path: str) -> Path:
        return Path(f"{self.folder}/var/lib/homeport/originals{self.at(path)}")

    @property
    def record(self) -> list[str]:
        return self.at("/var/lib/homeport/written/notes").read_text().splitlines()

    def line(self, path: str, content: str) -> str:
        return f"{hashlib.sha256(content.encode()).hexdigest()}  {self.at(path)}"


@pytest.fixture(params=SHELLS)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Root:
    return Root(tmp_path, str(request.param))


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return what the one line says with which nothing was replaced."""
    assert done.returncode == 1, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("error: files: ")
    assert line.endswith("; nothing was replaced")
    return line.removeprefix("error: files: ").removesuffix("; nothing was replaced")


def test_a_written_file_is_recorded_with_its_digest(root: Root) -> None:
    root.write(NGINX, "old\n")
    assert root.run({NGINX: "one\n", SITE: "two\n"}).returncode == 0
    assert root.record == sorted([root.line(NGINX, "one\n"), root.line(SITE, "two\n")])
    assert root.run({NGINX: "three\n"}).returncode == 0
    assert root.record == sorted([root.line(NGINX, "three\n"), root.line(SITE, "two\n")])
    assert root.run({}, ("absent", SITE)).returncode == 0
    assert root.record == [root.line(NGINX, "three\n")]


def test_modules_of_a_program_without_folders_stay_for_one_deploy_and_go_with_the_next(root: Root) -> None:
    # What is at work with them meanwhile may still import one.
    old = root.write(f"{PROGRAM}/slots.py", "old = 1\n")
    folder = ("directory", f"{PROGRAM}/commands")
    main, module = f"{PROGRAM}/main.py", f"{PROGRAM}/commands/logs.py"
    root.write(main, "from . import slots\n")
    assert root.run({module: "one = 1\n"}, folder).returncode == 0  # ended before it had brought the program itself
    assert root.run({main: "from .commands import logs\n"}).returncode == 0
    assert old.is_file()
    assert root.run({NGINX: "else"}).returncode == 0
    assert old.is_file()
    assert root.run({main: "from .commands import logs\ntwo = 2\n"}).returncode == 0
    assert not old.exists()
    assert {path.name for path in root.at(PROGRAM).rglob("*.py")} == {"main.py", "logs.py"}


def test_the_record_stays_as_it_is_when_only_folders_are_made(root: Root) -> None:
    assert root.run({NGINX: "one\n"}).returncode == 0
    before = root.record
    assert root.run({}, ("directory", "/etc/nginx/more")).returncode == 0
    assert root.at("/etc/nginx/more").is_dir()
    assert root.record == before == [root.line(NGINX, "one\n")]


def test_a_run_that_ends_while_it_replaces_files_leaves_both_contents_on_record(root: Root) -> None:
    assert root.run({NGINX: "one\n"}).returncode == 0
    mv = shutil.which("mv")
    root.has("mv", f'case $* in *nginx.conf) exit 1 ;; *) exec {mv} "$@" ;; esac')
    assert root.run({NGINX: "two\n"}).returncode == 1
    assert root.record == sorted([root.line(NGINX, "one\n"), root.line(NGINX, "two\n")])


def test_a_copy_is_kept_of_what_was_there_with_mode_and_time(root: Root) -> None:
    before = root.write(NGINX, "mine\n")
    before.chmod(0o640)
    os.utime(before, (1, 1))
    assert root.run({NGINX: "ours\n"}, ("keep", NGINX)).returncode == 0
    kept = root.original(NGINX)
    assert kept.read_text() == "mine\n"
    assert (kept.stat().st_mode & 0o777, kept.stat().st_mtime) == (0o640, 1)
    assert root.at("/var/lib/homeport/originals").stat().st_mode & 0o777 == 0o700
    assert root.at(NGINX).read_text() == "ours\n"


def test_a_copy_is_never_overwritten_and_the_same_one_is_not_kept_twice(root: Root) -> None:
    for mine in ("first\n", "second\n", "second\n", "first\n", "third\n"):
        root.write(NGINX, mine)
        assert root.run({NGINX: "ours\n"}, ("keep", NGINX)).returncode == 0
    names = sorted(path.name for path in root.original(NGINX).parent.iterdir())
    assert names == ["nginx.conf", "nginx.conf.~1~", "nginx.conf.~2~"]
    assert [(root.original(NGINX).parent / name).read_text() for name in names] == ["first\n", "second\n", "third\n"]


def test_a_link_is_kept_as_a_link_and_what_it_leads_to_is_left_alone(root: Root) -> None:
    target = root.write("/opt/nginx.conf", "mine\n")
    root.at(NGINX).symlink_to(target)
    assert root.run({NGINX: "ours\n"}, ("keep", NGINX)).returncode == 0
    assert root.original(NGINX).readlink() == target
    assert target.read_text() == "mine\n"
    assert not root.at(NGINX).is_symlink()
    assert root.at(NGINX).read_text() == "ours\n"


def test_a_refused_file_leaves_no_copy_and_no_record(root: Root) -> None:
    root.write(NGINX, "mine\n")
    root.has("unshare", "exit 1")
    assert refused(root.run({NGINX: "ours\n"}, ("keep", NGINX))) == "nginx does not accept the new configuration"
    assert root.at(NGINX).read_text() == "mine\n"
    assert not root.at("/var/lib/homeport").exists()


def test_a_path_that_was_ours_before_there_were_copies_is_noted_once(root: Root) -> None:
    for content in ("one\n", "two\n"):
        assert root.run({NGINX: content}, ("unkept", NGINX)).returncode == 0
    assert root.at("/var/lib/homeport/unkept").read_text() == f"{root.at(NGINX)}\n"


@pytest.mark.parametrize("link", ["/etc/nginx", "/etc/nginx/homeport", NGINX, SITE])
def test_a_check_writes_nothing_through_a_link(root: Root, link: str) -> None:
    for path in (NGINX, SITE):
        root.write(path, "old\n")
    elsewhere = root.at("/opt/elsewhere")
    elsewhere.parent.mkdir()
    root.at(link).rename(elsewhere)
    root.at(link).symlink_to(elsewhere)
    root.has("unshare", f"{(root.at('/bin/unshare')).read_text().partition(chr(10))[2]}\nexit 1")
    done = root.run({NGINX: "new\n", SITE: "newer\n"})
    assert refused(done) == "nginx does not accept the new configuration"
    assert [root.at(path).read_text() for path in (NGINX, SITE)] == ["old\n", "old\n"]
    # And it has looked at what is wanted, under the final paths.
    assert {"new", "newer"} <= set(done.stdout.splitlines())
    assert "old" not in done.stdout.splitlines()
    assert root.at(link).is_symlink()


def test_a_site_that_is_taken_away_is_taken_from_the_copy_alone_though_its_folder_is_a_link(root: Root) -> None:
    site = root.write("/opt/sites/default", "mine\n")
    root.at("/etc/nginx/sites-enabled").symlink_to(root.at("/opt/sites"))
    root.has("unshare", 'shift 5; while [ "$1" != -- ]; do ls "$1"; shift 2; done; exit 1')
    done = root.run({NGINX: "new\n"}, ("absent", "/etc/nginx/sites-enabled/default"))
    assert refused(done) == "nginx does not accept the new configuration"
    assert site.exists()
    assert "default" not in done.stdout.splitlines()


def test_a_mount_point_is_told_before_anything_is_replaced(root: Root) -> None:
    for path in (NGINX, SITE):
        root.write(path, "old\n")
    root.write("/proc/self/mountinfo", f"36 35 98:0 /x {root.at(SITE)} rw,noatime - ext4 /dev/root rw\n")
    assert refused(root.run({NGINX: "new\n", SITE: "new\n"})) == (
        f"{root.at(SITE)} is a mount point, and homeport cannot write a file over it; unmount it first"
    )
    assert root.at(NGINX).read_text() == "old\n"
    assert root.run({NGINX: "new\n"}).returncode == 0


@pytest.mark.parametrize("fixed", [SITE, "/etc/nginx/homeport"])
def test_an_immutable_file_is_named_before_any_file_is_replaced(root: Root, fixed: str) -> None:
    for path in (NGINX, SITE):
        root.write(path, "old\n")
    place = shlex.quote(str(root.at(fixed)))
    root.has("lsattr", f'shift 2; for one in "$@"; do a=-; [ "$one" != {place} ] || a=i; echo "--$a--e-- $one"; done')
    assert refused(root.run({NGINX: "new\n", SITE: "new\n"})).startswith(
        f"{root.at(fixed)} may not be changed (lsattr says so); chattr -ia "
    )
    assert root.at(NGINX).read_text() == "old\n"
    assert root.run({NGINX: "new\n"}).returncode == 0


def test_a_failure_after_the_first_replacement_does_not_say_that_nothing_was_replaced(root: Root) -> None:
    for path in (NGINX, SITE):
        root.write(path, "old\n")
    mv = shutil.which("mv")
    root.has("mv", f'case $* in *{root.at(SITE)}) echo "mv: cannot move" >&2; exit 1 ;; *) exec {mv} "$@" ;; esac')
    done = root.run({NGINX: "new\n", SITE: "new\n"})
    assert done.returncode == 1
    assert done.stderr == "error: files: mv: cannot move; what was replaced before it stays; deploy again\n"
    assert not list(root.folder.rglob("*.homeport-new"))

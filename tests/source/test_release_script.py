"""The script that puts a release on a host, really run under a root of its own: sent whole, and sent in part."""

from __future__ import annotations

import base64
import gzip
import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from homeport.host.release.contents import files
from homeport.host.system.layout import Layout
from homeport.operations.command import script
from homeport.source import Archive
from tests.source.conftest import APPLICATION, COMMIT_TIME, Repo

NAMES = ("plain.txt", "deep/with space.bin", "-n", "größe.txt", "run.sh")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    for folder in ("etc/homeport/notes/releases", "srv/notes/releases"):
        (tmp_path / "host" / folder).mkdir(parents=True)
    return tmp_path / "host"


def releases(host: Path) -> Path:
    return host / "srv/notes/releases"


def packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data)).decode()


def archive(host: Path, repo: Repo, base: str) -> Archive:
    """Return what is to be sent to a host that has the release `base`."""
    present = frozenset((path, digest, mark == "x") for digest, mark, path in files(Layout("notes", host), base))
    return repo.read().archive(present)


def put(host: Path, sent: Archive, release: str, base: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a host would, but for the owner of what it makes."""
    with tarfile.open(fileobj=(none := io.BytesIO()), mode="w"):
        pass
    words = [bit.obj for bit in script("release", "notes", release, "deps", base, str(sent.time)).bits[2:]]
    text = words[0].replace("/run/homeport", f"{host}/run").replace("chown", ": chown")
    for top in ("srv", "etc"):
        text = text.replace(f"/{top}/", f"{host}/{top}/")
    lines = (packed(none.getvalue()), packed("\0".join(sent.same).encode()), base64.b64encode(sent.data).decode(), "")
    return subprocess.run(
        ["sh", "-c", text, *words[1:]], input="\n".join(lines), capture_output=True, text=True, check=False
    )


def described(folder: Path) -> dict[str, tuple[int, float, bytes]]:
    """Return mode, time and content of all that a release has; a link's time, and a folder's, are of no account."""
    about = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    return {
        str(path.relative_to(folder)): (
            (found.st_mode, found.st_mtime, path.read_bytes())
            if path.is_file() and not path.is_symlink()
            else (found.st_mode, 0.0, str(path.readlink()).encode() if path.is_symlink() else b"")
        )
        for path, found in about.items()
    }


def test_a_release_is_the_same_whether_it_was_sent_whole_or_in_part(host: Path, repo: Repo) -> None:
    (repo.path / "link").symlink_to("plain.txt")
    repo.commit({**APPLICATION, **dict.fromkeys(NAMES, "same\n"), "gone.txt": "", "empty.txt": ""})
    (repo.path / "run.sh").chmod(0o755)
    repo.commit()
    assert put(host, archive(host, repo, ""), "r1", "").returncode == 0
    (repo.path / "run.sh").chmod(0o644)
    (repo.path / "gone.txt").unlink()
    repo.commit({"main.py": "app = 2\n", "plain.txt": "other\n", "new.txt": "new\n"})

    for release, base in (("part", "r1"), ("whole", "")):
        sent = archive(host, repo, base)
        assert sorted(sent.same) == (
            sorted(["-n", "deep/with space.bin", "empty.txt", "größe.txt", "requirements.txt"]) if base else []
        )
        done = put(host, sent, release, base)
        assert (done.returncode, done.stderr) == (0, "")

    part = described(releases(host) / "part")
    assert part == described(releases(host) / "whole")
    assert part["plain.txt"][1:] == (COMMIT_TIME, b"other\n")
    assert "gone.txt" not in part
    one, other = (releases(host) / release / "deep/with space.bin" for release in ("r1", "part"))
    assert one.stat().st_ino != other.stat().st_ino


def test_a_file_that_was_changed_on_the_host_is_sent(host: Path, repo: Repo) -> None:
    assert put(host, archive(host, repo, ""), "r1", "").returncode == 0
    (releases(host) / "r1/main.py").write_text("app = 'by hand'\n")
    assert archive(host, repo, "r1").same == ("requirements.txt",)


def test_what_is_lost_between_the_question_and_the_copy_is_one_line_and_leaves_nothing(host: Path, repo: Repo) -> None:
    assert put(host, archive(host, repo, ""), "r1", "").returncode == 0
    sent = archive(host, repo, "r1")
    (releases(host) / "r1/main.py").unlink()
    done = put(host, sent, "r2", "r1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: notes: release r2 cannot be put in place: cp: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in releases(host).iterdir()] == ["r1"]
    assert [path.name for path in (host / "etc/homeport/notes/releases").iterdir()] == ["r1"]


def test_a_name_that_no_line_could_hold_is_sent(host: Path, new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("odd")
    repo.commit({**APPLICATION, "two\nlines.txt": "x"})
    assert put(host, archive(host, repo, ""), "r1", "").returncode == 0
    sent = archive(host, repo, "r1")
    assert sorted(sent.same) == ["main.py", "requirements.txt"]
    assert put(host, sent, "r2", "r1").returncode == 0
    assert (releases(host) / "r2/two\nlines.txt").read_text() == "x"

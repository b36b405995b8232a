"""The archive: whole, deterministic, bounded."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

import homeport
from homeport.errors import UsageError
from homeport.source.archive import build_archive
from tests.pace import until

from .conftest import COMMIT_TIME, Repo


def local_folders(archive: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getmembers()


def test_the_same_tree_gives_the_same_bytes_at_another_time_and_place(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"bin/run": "#!/bin/sh\n", "data": os.urandom(5000)})
    first = repo.read().archive().data
    began = int(time.time())
    assert until(lambda: int(time.time()) > began, every=0.05)
    subprocess.run(["git", "clone", "--quiet", str(repo.path), str(tmp_path / "clone")], check=True)
    clone = Repo(tmp_path / "clone")
    clone.git("config", "tar.umask", "0077")
    clone.git("config", "core.autocrlf", "true")
    assert clone.read().archive().data == first


def test_headers_have_the_commits_time_plain_modes_and_no_owner(repo: Repo) -> None:
    repo.write({"bin/run": "#!/bin/sh\n", "group.txt": ""})
    (repo.path / "bin/run").chmod(0o777)
    (repo.path / "group.txt").chmod(0o666)
    repo.commit()
    found = {member.name: member for member in local_folders(repo.read().archive().data)}
    assert {name: oct(member.mode) for name, member in found.items()} == {
        "bin": "0o755", "bin/run": "0o755", "group.txt": "0o644", "main.py": "0o644", "requirements.txt": "0o644",
    }  # fmt: skip
    for member in found.values():
        assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", COMMIT_TIME)


def test_paths_are_relative_to_the_applications_folder_and_content_is_whole(repo: Repo, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    repo.commit({"apps/api/main.py": "app = 1\n", "apps/api/requirements.txt": "fastapi\n", "apps/api/x/blob": content})
    archive = repo.read(app_subdirectory="apps/api").archive().data
    (tmp_path / "a.tar.gz").write_bytes(archive)
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-xzf", "../a.tar.gz"], cwd=tmp_path / "out", check=True)
    assert (tmp_path / "out/x/blob").read_bytes() == content
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["main.py", "requirements.txt", "x"]


def test_format_placeholders_stay_since_they_would_make_equal_trees_differ(repo: Repo) -> None:
    repo.commit({".gitattributes": "version.txt export-subst\n", "version.txt": "$Format:%H$\n"})
    with tarfile.open(fileobj=io.BytesIO(repo.read().archive().data)) as archive:
        extracted = archive.extractfile("version.txt")
        assert extracted
        assert extracted.read() == b"$Format:%H$\n"


def test_the_archive_of_a_dirty_tree_has_its_content(repo: Repo) -> None:
    repo.write({"main.py": "app = 'dirty'\n", "new.py": ""})
    archive = repo.read(allow_dirty=True).archive().data
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        extracted = opened.extractfile("main.py")
        assert extracted
        assert extracted.read() == b"app = 'dirty'\n"
        assert "new.py" in opened.getnames()


def test_an_archive_over_the_limit_is_refused_with_its_largest_file(repo: Repo) -> None:
    repo.commit({"models/weights.bin": os.urandom(3_000_000), "small.bin": b"x"})
    content = repo.read().content
    assert content
    with pytest.raises(UsageError) as caught:
        build_archive(content, max_bytes=1024 * 1024)
    assert str(caught.value) == (
        "app_source: the release's archive is over 1 MB (largest file: models/weights.bin, 3 MB); "
        "keep large files out of it with `export-ignore` in .gitattributes"
    )


def test_a_large_repository_needs_little_more_memory_than_its_archive(repo: Repo) -> None:
    megabytes = 30
    repo.git("config", "core.compression", "0")
    repo.commit({f"data/{n}": os.urandom(10_000_000) for n in range(megabytes // 10)})
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from homeport.settings.model import Settings; from homeport.source import read_source\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "source = read_source(Settings(app_name='notes', domain='a.example.com'), Path(sys.argv[1]))\n"
        "before = peak(); size = len(source.archive().data) / 1e6; print(size, peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(repo.path)], cwd=Path(homeport.__file__).parents[1],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    size, growth = map(float, done.stdout.split())
    assert size > megabytes * 0.95
    assert growth < size * 1.3

"""Submodules and files of Git LFS: in the release where this clone has them, refused with the command otherwise."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from homeport.settings.model import Settings
from homeport.source import Source
from homeport.source.building import built, forget_builds

from .conftest import APPLICATION, Repo

MODEL = b"\x00weights" * 1000
OID = hashlib.sha256(MODEL).hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize {len(MODEL)}\n"
LFS = {"models/a.bin": POINTER, ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def files(source: Source) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(source.archive().data)) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive if one.isreg()}  # type: ignore[union-attr]


@pytest.fixture
def library(new_repo: Callable[[str], Repo]) -> Repo:
    """A library in a repository of its own."""
    made = new_repo("library")
    made.commit({"vendored.py": "ONE = 1\n", "run.sh": "#!/bin/sh\n"})
    (made.path / "run.sh").chmod(0o755)
    made.commit()
    return made


@pytest.fixture
def repo(repo: Repo, library: Repo) -> Repo:
    """An application with that library as a submodule."""
    repo.git("submodule", "--quiet", "add", "--name", "lib/of ours", str(library.path), "libs/vendored")
    repo.commit()
    return repo


def clone(repo: Repo, path: Path, *options: str) -> Repo:
    """Return a clone, which by itself has no submodules."""
    repo.git("clone", "--quiet", *options, str(repo.path), str(path))
    made = Repo.__new__(Repo)
    made.path = path
    return made


def test_a_submodules_files_are_in_the_release(repo: Repo) -> None:
    source = repo.read()
    found = files(source)
    assert found["libs/vendored/vendored.py"] == b"ONE = 1\n"
    assert {"main.py", ".gitmodules", "libs/vendored/run.sh"} <= set(found)
    with tarfile.open(fileobj=io.BytesIO(source.archive().data)) as archive:
        assert archive.getmember("libs/vendored/run.sh").mode == 0o755
    assert "libs/vendored/vendored.py" in source.texts()


def test_the_repository_itself_stays_as_it_is(repo: Repo) -> None:
    before = repo.git("count-objects", "-v")
    repo.read()
    assert repo.git("count-objects", "-v") == before
    assert repo.git("status", "--porcelain") == ""
    assert "missing" not in repo.git("fsck", "--full")


def test_a_release_is_the_same_in_every_clone_and_another_with_another_commit_of_it(
    repo: Repo, library: Repo, tmp_path: Path
) -> None:
    first = repo.read()
    other = clone(repo, tmp_path / "other", "--recurse-submodules")
    assert other.read().tree == first.tree
    assert other.read().archive().data == first.archive().data
    library.commit({"vendored.py": "ONE = 2\n"})
    repo.git("-C", "libs/vendored", "pull", "--quiet")
    repo.commit()
    assert repo.read().tree != first.tree
    assert files(repo.read())["libs/vendored/vendored.py"] == b"ONE = 2\n"
    # The commit before is released as it was.
    assert repo.read(app_ref="HEAD~1").tree == first.tree


def test_a_clone_without_them_is_refused_with_the_command_that_fetches_them(repo: Repo, tmp_path: Path) -> None:
    other = clone(repo, tmp_path / "other")
    assert other.refusal() == (
        "app_source: git keeps only a reference of libs/vendored (submodule), and this clone does not have its files; "
        "git submodule update --init --recursive fetches them; or keep it out with `export-ignore` in .gitattributes"
    )
    other.git("submodule", "--quiet", "update", "--init", "--recursive")
    assert other.read().tree == repo.read().tree


def test_a_submodule_that_is_not_released_is_not_needed(repo: Repo, tmp_path: Path) -> None:
    repo.commit({".gitattributes": "/libs export-ignore\n"})
    assert not any(path.startswith("libs") for path in files(clone(repo, tmp_path / "other").read()))


def test_a_submodule_of_a_submodule_is_in_the_release(
    repo: Repo, library: Repo, new_repo: Callable[[str], Repo]
) -> None:
    inner = new_repo("inner")
    inner.commit({"deep.py": "TWO = 2\n"})
    library.git("submodule", "--quiet", "add", str(inner.path), "deep")
    library.commit()
    repo.git("-C", "libs/vendored", "pull", "--quiet")
    repo.commit()
    repo.git("submodule", "--quiet", "update", "--init", "--recursive")
    assert files(repo.read())["libs/vendored/deep/deep.py"] == b"TWO = 2\n"


def test_a_package_in_a_submodule_is_found(repo: Repo, library: Repo) -> None:
    library.commit({"pyproject.toml": "[project]\nname = 'vendored'\nversion = '1'\ndependencies = ['idna==3.10']\n"})
    repo.git("-C", "libs/vendored", "pull", "--quiet")
    repo.commit({"requirements.txt": "fastapi[standard]==0.115.0\n-e ./libs/vendored\n"})
    assert "idna==3.10" in repr(repo.read().dependencies)


def test_changes_in_a_submodule_are_no_part_of_any_release(repo: Repo) -> None:
    repo.write({"libs/vendored/vendored.py": "ONE = 3\n"})
    assert "1 uncommitted" in repo.refusal()
    assert repo.refusal(allow_dirty=True) == (
        "allow_dirty: libs/vendored (submodule) has uncommitted changes, which no release has; commit them in the "
        "submodule, or take them back"
    )
    repo.git("-C", "libs/vendored", "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-qam", "change")
    assert files(repo.read(allow_dirty=True))["libs/vendored/vendored.py"] == b"ONE = 3\n"


def test_a_build_sees_the_submodules_files(repo: Repo) -> None:
    forget_builds()
    values = {"build_commands": ["cp libs/vendored/vendored.py made.txt"], "release_include": ["made.txt"]}
    settings = Settings.model_validate({"app_name": "notes", "domain": "notes.example.com", **values})
    assert files(built(repo.read(**values), settings))["made.txt"] == b"ONE = 1\n"


def test_a_name_that_leads_out_of_gits_folder_is_no_submodule(repo: Repo, tmp_path: Path) -> None:
    repo.write({".gitmodules": f'[submodule "../../../library/.git"]\n\tpath = libs/vendored\n\turl = {tmp_path}\n'})
    repo.commit()
    shutil.rmtree(repo.path / ".git/modules/lib")
    (repo.path / "libs/vendored/.git").unlink()
    assert (repo.path / ".git/modules/../../../library/.git/objects").is_dir()
    assert "git submodule update --init --recursive" in repo.refusal()


def stored(repo: Repo, content: bytes = MODEL) -> Path:
    """Put a file's content where `git lfs fetch` puts it (Git LFS's specification, "The Server")."""
    place = repo.path / ".git/lfs/objects" / OID[:2] / OID[2:4] / OID
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


def test_the_content_of_a_file_of_git_lfs_is_in_the_release(new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("app")
    repo.commit({**APPLICATION, **LFS})
    stored(repo)
    assert files(repo.read())["models/a.bin"] == MODEL
    assert repo.read().disk_kilobytes > len(MODEL) // 1024


def test_a_clone_without_the_content_is_refused_with_the_command_that_fetches_it(
    new_repo: Callable[[str], Repo],
) -> None:
    repo = new_repo("app")
    repo.commit({**APPLICATION, **LFS})
    refusal = (
        "app_source: git keeps only a Git LFS pointer of models/a.bin, and this clone does not have the content; "
        "git lfs pull fetches it (git lfs fetch REMOTE REF for another ref than HEAD); or keep it out with "
        "`export-ignore` in .gitattributes"
    )
    assert repo.refusal() == refusal
    # Half of a download is not the file.
    stored(repo, MODEL[:100])
    assert repo.refusal() == refusal


def test_content_that_is_kept_elsewhere_is_found(new_repo: Callable[[str], Repo], tmp_path: Path) -> None:
    repo = new_repo("app")
    repo.commit({**APPLICATION, **LFS})
    place = stored(repo)
    shutil.move(str(repo.path / ".git/lfs"), tmp_path / "kept")
    assert not place.exists()
    repo.git("config", "lfs.storage", str(tmp_path / "kept"))
    assert files(repo.read())["models/a.bin"] == MODEL

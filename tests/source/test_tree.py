"""What a tree may not hold when it becomes a release, and what export-ignore keeps out of it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from homeport.source import Source

from .conftest import APPLICATION, Repo

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"


def archived(source: Source) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(source.archive().data)) as archive:
        return sorted(member.name for member in archive if not member.isdir())


def test_a_nested_repository_in_a_dirty_tree_is_refused_as_a_submodule(
    repo: Repo, new_repo: Callable[[str], Repo]
) -> None:
    new_repo("app/inner").commit({"x": ""})
    assert repo.refusal(allow_dirty=True) == (
        "app_source: git keeps only a reference of inner (submodule), and no .gitmodules says where its files are; "
        "commit the files, install it as a dependency, or keep it out with `export-ignore` in .gitattributes"
    )


def test_a_text_about_git_lfs_is_no_pointer(repo: Repo) -> None:
    repo.commit({"docs.md": "# Pointers\n\nThey begin with:\n\n" + POINTER, "long.md": POINTER + "x" * 2000})
    assert repo.read().tree


@pytest.mark.parametrize("target", ["/etc/passwd", "../x", "sub/../../x", ".."])
def test_a_link_that_leads_out_is_refused(repo: Repo, target: str) -> None:
    (repo.path / "link").symlink_to(target)
    repo.commit()
    assert repo.refusal() == (
        f"app_source: link -> {target} (symbolic link) leads out of the release; "
        "link to a file below the application's folder, or commit a copy"
    )


def test_a_link_out_of_the_applications_folder_is_refused_in_a_monorepo(new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("mono").write({f"api/{name}": content for name, content in APPLICATION.items()})
    repo.write({"shared/x.py": ""})
    (repo.path / "api/shared").symlink_to("../shared")
    repo.commit()
    assert "shared -> ../shared (symbolic link)" in repo.refusal(app_subdirectory="api")


def test_a_link_inside_the_release_is_kept(repo: Repo) -> None:
    repo.write({"sub/deep/x": ""})
    (repo.path / "sub/deep/up").symlink_to("../../main.py")
    repo.commit()
    with tarfile.open(fileobj=io.BytesIO(repo.read().archive().data)) as archive:
        assert archive.getmember("sub/deep/up").linkname == "../../main.py"


def test_a_tracked_virtual_environment_is_refused(repo: Repo) -> None:
    repo.commit({".venv/bin/python": "", ".venv/pyvenv.cfg": ""})
    assert repo.refusal() == (
        "app_source: .venv is tracked, and homeport puts its own there; git rm -r --cached it and add it to .gitignore"
    )


def test_export_ignore_keeps_files_folders_and_trouble_out(repo: Repo) -> None:
    repo.write({"tests/deep/test_x.py": "", "docs/a.md": "", "docs/keep.txt": "", "big.bin": POINTER})
    (repo.path / "tests/link").symlink_to("/etc/passwd")
    repo.commit({".gitattributes": "tests/ export-ignore\n*.md export-ignore\n/big.bin export-ignore\n"})
    source = repo.read()
    assert archived(source) == [".gitattributes", "docs/keep.txt", "main.py", "requirements.txt"]
    assert source.content


def test_attributes_above_and_inside_the_applications_folder_both_count(new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("mono").write({f"api/{name}": content for name, content in APPLICATION.items()})
    repo.write({"api/drop/x": "", "api/sub/y": "", "api/sub/z": "", "other/w": ""})
    repo.commit({".gitattributes": "api/drop export-ignore\n", "api/sub/.gitattributes": "y export-ignore\n"})
    assert archived(repo.read(app_subdirectory="api")) == [
        "main.py", "requirements.txt", "sub/.gitattributes", "sub/z",
    ]  # fmt: skip


def test_what_the_checks_saw_is_what_the_archive_has(repo: Repo) -> None:
    names = ["ä/ö.py", "a b.py", "sub/tab\there", "sub/-dash", 'quo"te', "l" * 150 + "/" + "m" * 150, "*glob[x]"]
    repo.commit({**dict.fromkeys(names, "x"), ".gitattributes": "-dash export-ignore\n"})
    source = repo.read()
    names.remove("sub/-dash")
    assert archived(source) == sorted([*names, ".gitattributes", "main.py", "requirements.txt"])


def test_what_the_files_take_on_a_disk_is_known_before_they_are_sent(repo: Repo) -> None:
    repo.commit({**APPLICATION, "data/deep/large.bin": "x" * 5000, "data/empty": ""})
    source = repo.read()
    with tarfile.open(fileobj=io.BytesIO(source.archive().data)) as archive:
        local_folders = archive.getmembers()
    folders = [member for member in local_folders if member.isdir()]
    assert source.disk_files == len(local_folders)
    assert len(folders) >= 2
    assert source.disk_kilobytes == 4 * (len(folders) + sum(-(-member.size // 4096) for member in local_folders))


def test_a_missing_folder(repo: Repo) -> None:
    repo.git("tag", "v1")
    assert repo.refusal(app_subdirectory="apps/api", app_ref="v1") == (
        f"app_subdirectory: no folder apps/api at v1 in {repo.path}; set it to the folder that the application is in"
    )
    assert repo.refusal(app_subdirectory="main.py").startswith("app_subdirectory: no folder main.py at HEAD")


def test_a_folder_with_a_pattern_for_a_name_is_taken_literally(new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("mono").write({f"a*/{name}": content for name, content in APPLICATION.items()})
    repo.commit({"ab/other.py": ""})
    assert archived(repo.read(app_subdirectory="a*")) == ["main.py", "requirements.txt"]


def test_a_forges_pipelines_are_not_released_and_make_no_other_release(repo: Repo) -> None:
    before = repo.read().tree
    repo.commit({".github/workflows/a.yml": "x", ".gitlab-ci.yml": "x", ".gitlab/a.yml": "x"})
    first = repo.read()
    assert archived(first) == ["main.py", "requirements.txt"]
    assert first.tree == before
    repo.commit({".github/workflows/a.yml": "y", ".gitlab-ci.yml": "y"})
    assert repo.read().tree == before
    repo.commit({"main.py": "app = 2\n"})
    assert repo.read().tree != before


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_the_tree_of_what_is_released_is_what_git_would_call_it(tmp_path: Path, kind: str) -> None:
    made = tmp_path / "made"
    made.mkdir()
    subprocess.run(["git", "init", "--quiet", f"--object-format={kind}"], cwd=made, check=True)
    repo = Repo(made)
    files: dict[str, str | bytes] = dict.fromkeys(
        ("a", "a.b", "a-b", "a0/x", "sub/deep/é", "sub/a/b", "sub.x", "main.py"), ""
    )
    repo.commit({**files, "requirements.txt": APPLICATION["requirements.txt"]})
    (made / "a").chmod(0o755)
    (made / "link").symlink_to("a0/x")
    repo.commit()
    assert repo.read().tree == repo.git("rev-parse", "HEAD^{tree}")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    repo.commit(
        {
            ".github/a": "x",
            "sub/deep/.gitattributes": "more export-ignore\n.gitattributes export-ignore\n",
            "sub/deep/more": "",
        }
    )
    assert repo.git("rev-parse", "HEAD^{tree}") != tree
    assert repo.read().tree == tree


def test_a_change_of_what_is_not_released_makes_no_other_release(repo: Repo) -> None:
    repo.commit({"deploy/.gitattributes": "* export-ignore\n", "deploy/group_data/all.py": "1"})
    first = repo.read().tree
    repo.commit({"deploy/group_data/all.py": "2"})
    assert repo.read().tree == first


def test_the_same_files_are_the_same_tree_only_with_the_same_names_and_modes(repo: Repo) -> None:
    repo.commit({".github/a": "x", "one": "1", "two": "2"})
    trees = {repo.read().tree}
    (repo.path / "one").rename(repo.path / "three")
    repo.commit()
    trees.add(repo.read().tree)
    (repo.path / "two").chmod(0o755)
    repo.commit()
    trees.add(repo.read().tree)
    assert len(trees) == 3

"""Which commit, and which tree, a ref means; and when the working tree matters."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import APPLICATION, Repo


def test_head_is_released_by_default(repo: Repo) -> None:
    source = repo.read()
    assert source.commit == repo.git("rev-parse", "HEAD")
    assert source.tree == repo.git("rev-parse", "HEAD^{tree}")
    assert (source.ref, source.dirty, source.has_alembic) == ("HEAD", False, False)


@pytest.mark.parametrize("ref", ["v1", "v1-annotated", "old-branch", "HEAD~1"])
def test_every_kind_of_ref_gives_its_commit(repo: Repo, ref: str) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.git("tag", "v1")
    repo.git("tag", "-a", "-m", "x", "v1-annotated")
    repo.git("branch", "old-branch")
    repo.commit({"more.py": ""})
    source = repo.read(app_ref=ref)
    assert source.commit == first
    assert source.ref == ref


def test_a_short_commit_of_digits_only_may_come_as_a_number(repo: Repo) -> None:
    assert "no commit '1234567'" in repo.refusal(app_ref=1234567)


def test_an_unknown_ref(repo: Repo) -> None:
    assert repo.refusal(app_ref="nowhere") == (
        f"app_ref: no commit 'nowhere' in {repo.path}; check the name with git branch --all and git tag"
    )


@pytest.mark.parametrize("ref", ["", "--all", "a b", "x\ny", "-q"])
def test_a_ref_that_is_an_option_or_has_spaces_never_reaches_git(repo: Repo, ref: str) -> None:
    assert repo.refusal(app_ref=ref) == (
        f"app_ref: {ref!r} is not the name of a commit; set it to a branch, a tag or a commit"
    )


def test_a_ref_that_only_a_remote_has(repo: Repo, tmp_path: Path) -> None:
    repo.git("branch", "fetched")
    subprocess.run(["git", "clone", "--quiet", str(repo.path), str(tmp_path / "clone")], check=True)
    clone = Repo(tmp_path / "clone")
    repo.git("branch", "later")
    repo.commit({"more.py": ""})
    repo.git("tag", "v9")
    assert clone.refusal(app_ref="fetched") == (
        f"app_ref: no commit 'fetched' in {clone.path}; "
        "it is a branch of the remote origin: set app_ref to origin/fetched, or git switch fetched"
    )
    assert clone.refusal(app_ref="later").endswith(
        "the remote origin has it: git fetch origin and set app_ref to origin/later"
    )
    assert clone.refusal(app_ref="v9").endswith("the remote origin has it: git fetch origin --tags")
    assert clone.refusal(app_ref="nowhere").endswith("check the name with git branch --all and git tag, or git fetch")


def test_a_shallow_clone_says_so(repo: Repo, tmp_path: Path) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.commit({"more.py": ""})
    address = f"file://{repo.path}"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", address, str(tmp_path / "clone")], check=True)
    assert (
        Repo(tmp_path / "clone").refusal(app_ref=first).endswith("this clone is shallow: git fetch --unshallow --tags")
    )


def test_a_repository_without_a_commit(new_repo: Callable[[str], Repo]) -> None:
    empty = new_repo("empty")
    assert empty.refusal() == (
        f"app_ref: the repository at {empty.path} has no commit yet; commit the application first"
    )


# --- the working tree ---


def test_a_dirty_tree_is_refused_with_the_first_files(repo: Repo) -> None:
    repo.write({"main.py": "app = 2\n", "new one.py": "", "sub/a.py": "", "sub/b.py": ""})
    assert repo.refusal() == (
        f"app_ref: 4 uncommitted in {repo.path}: main.py, new one.py, sub/a.py and 1 more; "
        "commit them, or set allow_dirty=True to release the working tree as it is"
    )


@pytest.mark.parametrize("change", ["staged", "deleted", "untracked", "modified"])
@pytest.mark.parametrize("ref", ["HEAD", "@", "main"])
def test_every_change_counts_for_what_is_checked_out(repo: Repo, change: str, ref: str) -> None:
    if change == "deleted":
        (repo.path / "main.py").unlink()
    else:
        repo.write({"other.py" if change == "untracked" else "main.py": "app = 3\n"})
    if change == "staged":
        repo.git("add", "--all")
    assert "1 uncommitted" in repo.refusal(app_ref=ref)


def test_a_tag_or_a_commit_means_itself_whatever_lies_in_the_working_tree(repo: Repo) -> None:
    repo.git("tag", "v1")
    repo.write({"main.py": "app = 2\n"})
    for ref in ("v1", repo.git("rev-parse", "HEAD")):
        source = repo.read(app_ref=ref, allow_dirty=True)
        assert not source.dirty
        assert source.tree == repo.git("rev-parse", "HEAD^{tree}")


def test_changes_outside_of_the_applications_folder_do_not_matter(new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("mono")
    repo.commit({f"api/{name}": content for name, content in APPLICATION.items()})
    repo.write({"web/index.html": "", "README.md": ""})
    assert not repo.read(app_subdirectory="api").dirty
    repo.write({"api/x.py": ""})
    assert "api/x.py" in repo.refusal(app_subdirectory="api")


def test_ignored_files_neither_refuse_nor_go_along(repo: Repo) -> None:
    repo.commit({".gitignore": "*.db\n.venv\n"})
    repo.write({"data.db": "secret", ".venv/x": ""})
    assert not repo.read().dirty
    repo.write({"extra.py": "", "main.py": "app = 2\n"})
    source = repo.read(allow_dirty=True)
    assert source.dirty
    assert source.content
    names = repo.git("ls-tree", "-r", "--name-only", source.content.root).split()
    assert names == [".gitignore", "extra.py", "main.py", "requirements.txt"]


def test_bytecode_that_python_left_is_no_change_until_somebody_adds_it(repo: Repo) -> None:
    repo.write({"__pycache__/main.cpython-311.pyc": "", "package/__pycache__/deep.cpython-311.pyc": ""})
    assert not repo.read().dirty
    repo.git("add", "--force", "package")
    assert "package/__pycache__/deep.cpython-311.pyc" in repo.refusal()


def test_a_dirty_release_leaves_index_and_files_as_they_were(repo: Repo) -> None:
    repo.write({"main.py": "app = 2\n", "staged.py": "1\n", "untracked.py": ""})
    repo.git("add", "staged.py")
    index = (repo.path / ".git/index").read_bytes()
    before = repo.git("status", "--porcelain")
    index_after_status = (repo.path / ".git/index").read_bytes()
    source = repo.read(allow_dirty=True)
    assert (repo.path / ".git/index").read_bytes() in (index, index_after_status)
    assert repo.git("status", "--porcelain") == before
    repo.git("add", "--all")
    assert source.tree == repo.git("write-tree")


def test_the_same_content_dirty_and_committed_has_the_same_tree(repo: Repo) -> None:
    repo.write({"main.py": "app = 2\n"})
    dirty = repo.read(allow_dirty=True)
    repo.commit()
    assert repo.read().tree == dirty.tree


def test_a_deleted_folder_is_missing_from_a_dirty_release(new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("mono")
    repo.commit({"x": "", **{f"api/{name}": content for name, content in APPLICATION.items()}})
    for name in APPLICATION:
        (repo.path / "api" / name).unlink()
    (repo.path / "api").rmdir()
    assert repo.refusal(app_subdirectory="api", allow_dirty=True) == (
        f"app_subdirectory: no folder api at HEAD in {repo.path}; set it to the folder that the application is in"
    )


# --- where the repository is ---


def test_a_worktree_is_a_repository(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side/main.py").write_text("app = 9\n")
    side = Repo.__new__(Repo)
    side.path = tmp_path / "side"
    assert (side.path / ".git").is_file()
    assert "main.py" in side.refusal()
    assert side.read(allow_dirty=True).tree != repo.read().tree


def test_a_bare_repository_is_never_dirty(repo: Repo, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", "--bare", str(repo.path), str(tmp_path / "bare.git")], check=True)
    bare = Repo.__new__(Repo)
    bare.path = tmp_path / "bare.git"
    source = bare.read()
    assert source.tree == repo.read().tree
    assert source.archive() == repo.read().archive()


def test_variables_of_a_git_hook_do_not_leak_in(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = repo.read().tree
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.bare=true'")
    assert repo_read_only(repo) == expected


def repo_read_only(repo: Repo) -> str:
    source = repo.read()
    assert source.archive()
    return source.tree


def test_a_folder_inside_a_repository_is_the_applications_folder(new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("mono")
    repo.commit({f"apps/api/{name}": content for name, content in APPLICATION.items()})
    tree = repo.git("rev-parse", "HEAD:apps/api")
    assert repo.read(app_source="mono/apps/api").tree == tree
    assert repo.read(app_source="mono/apps", app_subdirectory="api").tree == tree
    assert repo.read(app_subdirectory="apps/api").tree == tree


def test_no_folder_and_no_repository(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert repo.refusal(app_source="plain") == (
        f"app_source: no git repository at {tmp_path}/plain; git init there and commit, or set app_source to one"
    )
    assert repo.refusal(app_source="nope") == (
        f"app_source: no folder at {tmp_path}/nope; set app_source to the folder of a git repository"
    )


@pytest.mark.parametrize("address", ["https://example.com/x.git", "git@example.com:x.git", "ssh://example.com/x"])
def test_an_address_is_not_a_folder(repo: Repo, address: str) -> None:
    assert repo.refusal(app_source=address) == (
        f"app_source: {address} is an address; git clone it and set app_source to the clone's folder"
    )


def test_git_that_is_not_installed(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert repo.refusal() == ("app_source: git is not installed on this machine; install it (apt install git)")


def test_a_repository_that_git_refuses_because_of_its_owner(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    # git's own switch for its tests: as if the repository were somebody else's.
    monkeypatch.setattr("homeport.source.git._KEPT", ("GIT_TEST_", "GIT_CONFIG_"))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert repo.refusal() == (
        f"app_source: git refuses the repository at {repo.path} because it belongs to another user; "
        f"git config --global --add safe.directory {repo.path}"
    )


@pytest.mark.parametrize(("lost", "line"), [
    ("HEAD:requirements.txt", "app_source: git has lost the content of requirements.txt; see git fsck there"),
    ("HEAD^{tree}", "app_source: git failed in the repository: "),
])  # fmt: skip
def test_a_damaged_repository_ends_in_one_line(repo: Repo, lost: str, line: str) -> None:
    commit, identity = repo.git("rev-parse", "HEAD"), repo.git("rev-parse", lost)
    (repo.path / ".git/objects" / identity[:2] / identity[2:]).unlink()
    assert repo.refusal(app_ref=commit).startswith(line)


@pytest.mark.parametrize("folder", ["", "services/api/"])
def test_what_is_not_released_need_not_be_committed(new_repo: Callable[[str], Repo], folder: str) -> None:
    repo = new_repo("kept")
    repo.commit({f"{folder}main.py": "app = 1\n", f"{folder}requirements.txt": "fastapi[standard]==0.115.0\n"})
    repo.write({f"{folder}deploy/.gitattributes": "* export-ignore\n", f"{folder}deploy/group_data/all.py": "1"})
    repo.write({".github/workflows/a.yml": "x", ".gitlab-ci.yml": "x"})
    assert not repo.read(app_subdirectory=folder).dirty
    repo.write({f"{folder}more.py": ""})
    assert f"1 uncommitted in {repo.path}: {folder}more.py" in repo.refusal(app_subdirectory=folder)
    assert repo.read(app_subdirectory=folder, allow_dirty=True).disk_files == 3


def test_a_ref_that_is_a_tag_and_a_branch_is_refused_unless_both_mean_the_same(repo: Repo) -> None:
    repo.git("tag", "v1")
    repo.git("branch", "v1")
    first = repo.git("rev-parse", "HEAD")
    assert repo.read(app_ref="v1").commit == first
    repo.git("switch", "--quiet", "v1")
    second = repo.commit({"more.py": ""})
    assert repo.refusal(app_ref="v1") == (
        f"app_ref: v1 is a tag (at {first[:12]}) and a branch (at {second[:12]}) in {repo.path}; "
        "set it to refs/tags/v1 or refs/heads/v1"
    )
    assert repo.read(app_ref="refs/tags/v1").commit == first
    assert repo.read(app_ref="refs/heads/v1").commit == second
    assert repo.read(app_ref="HEAD").commit == second


@pytest.mark.parametrize("filtered", ["blob:none", "tree:0"])
@pytest.mark.parametrize("folder", ["", "services/api"])
def test_a_partial_clone_that_cannot_get_what_it_lacks_says_so(
    new_repo: Callable[[str], Repo], tmp_path: Path, filtered: str, folder: str
) -> None:
    origin = new_repo("origin")
    origin.commit({f"{folder}/{name}".lstrip("/"): text for name, text in APPLICATION.items()})
    origin.git("config", "uploadpack.allowFilter", "true")
    words = ["git", "clone", "--quiet", "--no-checkout", f"--filter={filtered}", f"file://{origin.path}"]
    subprocess.run([*words, str(tmp_path / "clone")], check=True)
    clone = Repo(tmp_path / "clone")
    origin.path.rename(tmp_path / "gone")
    line = clone.refusal(app_subdirectory=folder, app_ref="origin/main")
    assert line.startswith(f"app_source: {clone.path} is a partial clone, and git cannot get what it lacks: fatal: ")
    assert line.endswith("; clone it without --filter, or let git reach its remote")
    (tmp_path / "gone").rename(origin.path)
    assert clone.read(app_subdirectory=folder, app_ref="origin/main").entrypoint
    if folder:
        assert "no folder elsewhere at origin" in clone.refusal(app_subdirectory="elsewhere", app_ref="origin/main")

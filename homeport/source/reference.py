"""From `app_ref` to a commit and, from there or from the working tree, to the git tree that is released.

Reads the repository; writes to it only the objects of a dirty working tree that the user asked to release, through an
index of its own (the user's index and files stay as they are).
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from homeport.errors import UsageError
from homeport.source.git import GitError, Repository
from homeport.source.tree import export_ignored
from homeport.source.tree_contents import folders, pipelines, some

# A remote is asked for the ref only to improve an error message: the user must not wait long for it.
REMOTE_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Revision:
    """What is released: commit, time of the commit (seconds since 1970), the repository's whole tree, and if dirty."""

    commit: str
    time: int
    tree: str
    dirty: bool


def find_revision(
    repository: Repository, ref: str, folder: str, allow_dirty: bool, beside: tuple[str, ...] = ()
) -> Revision:
    """Return the revision that `ref` names, with the working tree's changes below `folder` if `allow_dirty`.

    So with the folders `beside` it.

    The working tree counts only when `ref` is HEAD or the branch that is checked out: a tag or a commit means itself.
    Raises UsageError with key app_ref or allow_dirty.
    """
    commit, time, tree = _commit(repository, ref)
    places = (folder, *beside)
    checked_out = _is_checked_out(repository, ref)
    changed = [path for one in places for path in _changes(repository, one)] if checked_out else []
    if not changed:
        return Revision(commit, time, tree, False)
    if not allow_dirty:
        raise UsageError(
            f"{len(changed)} uncommitted in {repository.path}: {some(changed)}",
            key="app_ref",
            fix="commit them, or set allow_dirty=True to release the working tree as it is",
        )
    _refuse_changed_submodules(repository, changed)
    return Revision(commit, time, _written_tree(repository, places), True)


def _commit(repository: Repository, ref: str) -> tuple[str, int, str]:
    """Return the commit that `ref` names, its time and its tree."""
    if not ref or ref.startswith("-") or re.search(r"[\s\x00-\x1f\x7f]", ref):
        raise UsageError(
            f"{ref!r} is not the name of a commit", key="app_ref", fix="set it to a branch, a tag or a commit"
        )
    _refuse_two_meanings(repository, ref)
    show = ("show", "--no-patch", "--no-show-signature", "--format=%H %ct %T", f"{ref}^{{commit}}")
    shown = repository.attempt(*show)
    if not shown and repository.attempt("rev-parse", "--quiet", "--verify", f"{ref}^{{commit}}"):
        shown = repository.text(*show)  # it is there and cannot be read: git says why
    if shown:
        commit, time, tree = shown.split()
        return commit, int(time), tree
    if not repository.attempt("rev-list", "--max-count=1", "--all"):
        problem = f"the repository at {repository.path} has no commit yet"
        raise UsageError(problem, key="app_ref", fix="commit the application first")
    raise UsageError(f"no commit {ref!r} in {repository.path}", key="app_ref", fix=_advice(repository, ref))


def _refuse_two_meanings(repository: Repository, ref: str) -> None:
    """Raise UsageError when `ref` is a tag and a branch with different commits: git would silently use the tag."""
    kinds = {"tag": f"refs/tags/{ref}", "branch": f"refs/heads/{ref}"}
    found = {
        kind: commit
        for kind, name in kinds.items()
        if (commit := repository.attempt("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"))
    }
    if len(set(found.values())) > 1:
        is_what = " and ".join(f"a {kind} (at {commit[:12]})" for kind, commit in found.items())
        problem = f"{ref} is {is_what} in {repository.path}"
        raise UsageError(problem, key="app_ref", fix=f"set it to {' or '.join(kinds.values())}")


def _advice(repository: Repository, ref: str) -> str:
    """Return the advice for a `ref` that is unknown here: a remote may have it."""
    remotes = (repository.attempt("remote") or "").split()
    for remote in remotes:
        if repository.attempt("rev-parse", "--quiet", "--verify", f"refs/remotes/{remote}/{ref}^{{commit}}"):
            return f"it is a branch of the remote {remote}: set app_ref to {remote}/{ref}, or git switch {ref}"
    for remote in remotes:
        known = repository.attempt("ls-remote", "--exit-code", remote, ref, timeout_seconds=REMOTE_TIMEOUT_SECONDS)
        if known:
            branch = "refs/heads/" in known
            then = f" and set app_ref to {remote}/{ref}" if branch else ""
            return f"the remote {remote} has it: git fetch {remote} {'' if branch else '--tags'}".rstrip() + then
    if repository.attempt("rev-parse", "--is-shallow-repository") == "true":
        return "this clone is shallow: git fetch --unshallow --tags"
    return "check the name with git branch --all and git tag" + (", or git fetch" if remotes else "")


def _is_checked_out(repository: Repository, ref: str) -> bool:
    if repository.bare:
        return False
    if ref in ("HEAD", "@"):
        return True
    branch = repository.attempt("symbolic-ref", "--quiet", "HEAD")
    return bool(branch) and repository.attempt("rev-parse", "--symbolic-full-name", ref) == branch


def _changes(repository: Repository, folder: str) -> list[str]:
    """Return the paths below `folder` that are changed, staged, deleted, renamed, or untracked and not ignored.

    Files that are not released do not count: nobody has to commit an inventory before trying it.
    """
    status = repository.run(
        "status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=none", "--no-renames",
        "--", folder or ".",
    )  # fmt: skip
    records = [record for record in status.decode("utf-8", "surrogateescape").split("\0") if record]
    # Python writes its bytecode beside the code that it runs; it is released only when it was added to git.
    found = [record[3:] for record in records if not (record.startswith("??") and "/__pycache__/" in f"/{record[3:]}")]
    below = f"{folder}/" if folder else ""
    paths = [path.removeprefix(below) for path in found]
    unreleased = export_ignored(repository, folder, paths) | pipelines(paths)
    return [below + path for path in paths if not ({path} | folders([path])) & unreleased]


def _refuse_changed_submodules(repository: Repository, changed: list[str]) -> None:
    """Raise UsageError when a submodule among the changed paths has changes of its own, which no tree would have."""
    inside = [path for path in changed if (repository.path / path.rstrip("/") / ".git").is_file()]
    dirty = [one for one in inside if Repository(repository.path / one.rstrip("/")).attempt("status", "--porcelain")]
    if dirty:
        problem = f"{some(dirty)} (submodule) has uncommitted changes, which no release has"
        raise UsageError(problem, key="allow_dirty", fix="commit them in the submodule, or take them back")


def _written_tree(repository: Repository, places: tuple[str, ...]) -> str:
    """Write the commit's tree with the working tree's files in `places` as git objects; return the tree's id."""
    with tempfile.TemporaryDirectory(prefix="homeport-index-") as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        try:
            repository.run("read-tree", "HEAD", variables=index)
            repository.run("add", "--all", "--", *(one or "." for one in places), variables=index)
            return repository.run("write-tree", variables=index).decode().strip()
        except GitError as error:
            raise UsageError(
                f"git cannot take the working tree as it is: {error}", key="allow_dirty", fix="commit, and release that"
            ) from None

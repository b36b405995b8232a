"""From the settings to a `Source`: the one place where ref, tree, dependencies and entry point come together.

Everything is checked here, before a host is touched; the archive is built when it is asked for. Both are done once per
process for equal inputs: a run over twenty hosts reads the repository once, and no commit made meanwhile confuses it.
"""

from __future__ import annotations

import posixpath
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from homeport.errors import UsageError
from homeport.settings.model import Settings
from homeport.source.archive import Archive, Content, Present, build_archive
from homeport.source.dependencies import Application, Dependencies, decide_dependencies
from homeport.source.dependency_options import DependencyOptions
from homeport.source.entrypoint import Entry, find_entry
from homeport.source.git import PARTIAL, GitError, Repository, find_repository
from homeport.source.migrations import Migration, read_migrations
from homeport.source.own_package import OwnFile, OwnPackage, own_package
from homeport.source.reference import Revision, find_revision
from homeport.source.tree import Tree, find_tree, read_text
from homeport.source.tree_contents import disk_kilobytes, folders
from homeport.source.uv_lock import read_toml
from homeport.source.workspace import find_workspace

# pyinfra reads its hosts side by side: without a lock, twenty of them would each build the same archive.
_LOCK = threading.RLock()


@dataclass(frozen=True)
class Source:
    """What is released: commit (40 hexadecimal characters), ref as asked, git tree id of the application's folder.

    `dirty` says that the tree is the working tree's, on top of `commit`; `entrypoint` has what the server is told to
    serve; `has_alembic` says whether there is an alembic.ini at the application's root. `disk_kilobytes` and
    `disk_files` are what its unpacked files and folders take on a disk with blocks of 4 KB. `migrations` are revision
    and title of its Alembic migrations; None: nobody can tell. `own` is what the release has of the application as a
    package of its own.
    """

    commit: str
    ref: str
    tree: str
    dirty: bool
    entrypoint: tuple[str, ...]
    dependencies: Dependencies
    has_alembic: bool
    disk_kilobytes: int = 0
    disk_files: int = 0
    migrations: tuple[Migration, ...] | None = ()
    own: OwnPackage = field(default_factory=OwnPackage)
    content: Content | None = field(default=None, repr=False, compare=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what to know before a deploy, a line each."""
        return (*self.dependencies.warnings, *self.own.warnings)

    def archive(self, present: Present = frozenset()) -> Archive:
        """Return the release's files but for those that are `present` on the host; see `build_archive`."""
        if self.content is None:
            raise ValueError("this Source was made without a repository")
        with _LOCK:
            return _archive(self.content, present)


def read_source(settings: Settings, project: Path) -> Source:
    """Return what `settings` release; `project` is the folder that `app_source` is relative to.

    Raises UsageError, in one line with key and fix, for everything that a deploy would stumble over later.
    """
    try:
        with _LOCK:
            return _read(
                settings.app_source,
                project.resolve(),
                settings.app_ref,
                settings.app_subdirectory,
                settings.app_entrypoint,
                settings.allow_dirty,
                _dependency_options(settings),
            )
    except GitError as error:
        problem, fix = f"git failed in the repository: {error}", "see git fsck there"
        if PARTIAL in str(error):
            problem = f"{settings.app_source} is a partial clone, and git cannot get what it lacks: {error}"
            fix = "clone it without --filter, or let git reach its remote"
        raise UsageError(problem, key="app_source", fix=fix) from None


def _dependency_options(settings: Settings) -> DependencyOptions:
    return DependencyOptions(
        settings.python_version,
        settings.dependency_extras,
        settings.dependency_groups,
        settings.server_choice,
    )


def forget_sources() -> None:
    """Read repositories again from now on: for a process that outlives one run."""
    with _LOCK:
        _read.cache_clear()
        _archive.cache_clear()


# Few entries: an archive may be hundreds of megabytes, and a run has one for each application.
_archive = lru_cache(maxsize=4)(build_archive)


@lru_cache(maxsize=64)
def _read(
    source: str,
    project: Path,
    ref: str,
    subdirectory: str,
    entrypoint: str,
    allow_dirty: bool,
    options: DependencyOptions,
) -> Source:
    repository = find_repository(source, project)
    folder = posixpath.join(repository.folder, subdirectory).strip("/")
    revision = find_revision(repository, ref, folder, allow_dirty)
    place = f"at {ref} in {repository.path}"
    tree = find_tree(repository, revision.tree, folder, place)
    dependencies = _dependencies(tree, f"in {folder} {place}" if folder else place, options)
    entry = find_entry(options.server.name, entrypoint, tree.paths(), ref)
    own = _own(tree, entry)
    return Source(
        commit=revision.commit,
        ref=ref,
        tree=tree.id,
        dirty=revision.dirty,
        entrypoint=entry.arguments,
        dependencies=dependencies,
        has_alembic="alembic.ini" in tree.paths(),
        migrations=read_migrations(tree.paths(), tree.read_all),
        disk_kilobytes=disk_kilobytes(tree.files),
        disk_files=len(tree.files) + len(folders(tree.paths())),
        own=own,
        content=_content(tree, revision, (*own.files, *dependencies.files)),
    )


def _own(tree: Tree, entry: Entry) -> OwnPackage:
    pyproject = read_toml("pyproject.toml", tree.read("pyproject.toml") or "")
    return own_package(tree.paths(), pyproject, tree.read, tree=tree.id, imported_from=entry.imported_from)


def _content(tree: Tree, revision: Revision, more: tuple[OwnFile, ...]) -> Content:
    largest = max(tree.files, key=lambda entry: entry.size, default=None)
    return Content(tree.repository, tree.root, tree.folder, revision.time, largest, more)


def _dependencies(tree: Tree, place: str, options: DependencyOptions) -> Dependencies:
    files, workspace = tree.paths(), None
    if tree.folder and not {"uv.lock", "requirements.txt"} & files:
        workspace = find_workspace(tree.folder, lambda path: _text(tree.repository, tree.root, path))
    return decide_dependencies(Application(files, tree.read, tree.id, place, workspace), options)


def _text(repository: Repository, root: str, path: str) -> str | None:
    blob = repository.attempt("rev-parse", "--quiet", "--verify", f"{root}:{path}")
    return read_text(repository, blob, path) if blob else None

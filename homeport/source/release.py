"""From the settings to a `Source`: the one place where ref, tree, dependencies and entry point come together.

Everything is checked here, before a host is touched; the archive is built when it is asked for. Both are done once per
process for equal inputs: a run on twenty hosts reads the repository once, and a commit that is made meanwhile does not
change it.
"""

from __future__ import annotations

import hashlib
import posixpath
import threading
from collections.abc import Callable, Mapping
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
from homeport.source.local_packages import own_packages, places_beside, read_package, with_setup
from homeport.source.migrations import Migration, read_migrations
from homeport.source.own_package import OwnPackage, own_package
from homeport.source.reference import Revision, find_revision
from homeport.source.repository_view import RepositoryView
from homeport.source.tree import Tree, find_tree, read_text
from homeport.source.tree_contents import disk_kilobytes, folders
from homeport.source.workspace import find_workspace

# pyinfra reads its hosts side by side: without a lock, twenty of them would each build the same archive.
_LOCK = threading.RLock()


@dataclass(frozen=True)
class Source:
    """What is released: commit (40 hexadecimal characters), ref as asked, git tree id of the application's folder.

    `dirty` says that the tree is the working tree's, on top of `commit`; `entrypoint` has what the server is told to
    serve; `has_alembic` says whether there is an alembic.ini at the application's root. `disk_kilobytes` and
    `disk_files` are what its unpacked files and folders take on a disk with blocks of 4 KB. `migrations` are revision
    and title of its Alembic migrations; None: not known. `own` are the files by which the application is an installed
    package. `texts` reads its modules and files of variables (.env), by path. `tracked` are the paths of git's files,
    below the application's folder.
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
    texts: Callable[[], Mapping[str, str]] = field(default=dict, repr=False, compare=False)
    tracked: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings before a deploy, a line each."""
        return (*self.dependencies.warnings, *self.own.warnings)

    def paths(self) -> frozenset[str]:
        """Return the paths of its files, with those that a build has made."""
        return self.tracked | {one.path for one in self.content.built} if self.content else self.tracked

    def archive(self, present: Present = frozenset()) -> Archive:
        """Return the release's files but for those that are `present` on the host; see `build_archive`."""
        if self.content is None:
            raise ValueError("this Source was made without a repository")
        with _LOCK:
            return _archive(self.content, present)


def read_source(settings: Settings, project: Path) -> Source:
    """Return what `settings` release; `project` is the folder that `app_source` is relative to.

    Raises UsageError, in one line with key and fix, for everything that would make a deploy fail later.
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
        settings.requirements_file,
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
    place = f"at {ref} in {repository.path}"
    revision, tree, dependencies = _released(repository, ref, folder, allow_dirty, place, options)
    view = _around(tree)
    beside = _beside(tree, sorted(places_beside(dependencies.packages, view)), place)
    last = [tree, *beside.values()][-1]
    entry = find_entry(options.server.name, entrypoint, tree.paths(), ref)
    own = _own(tree, entry, dependencies, {one: found.id for one, found in beside.items()})
    trees = (tree, *beside.values())
    files = [file for one in trees for file in one.files]
    largest = max(files, key=lambda file: file.size, default=None)
    others, kept = tuple(view.path(one) for one in beside), (*own.files, *dependencies.files)
    return Source(
        commit=revision.commit,
        ref=ref,
        tree=_tree_id(tree, beside),
        dirty=revision.dirty,
        entrypoint=entry.arguments,
        dependencies=dependencies,
        has_alembic="alembic.ini" in tree.paths(),
        migrations=read_migrations(tree.paths(), tree.read_all),
        disk_kilobytes=disk_kilobytes(files),
        disk_files=len(files) + sum(len(folders(one.paths())) for one in trees),
        own=own,
        texts=lambda: _texts(tree),
        tracked=tree.paths(),
        content=Content(last.repository, last.root, tree.folder, revision.time, largest, kept, others),
    )


def _beside(tree: Tree, places: list[str], where: str) -> dict[str, Tree]:
    """Return the trees of the folders at `places`, seen from the application's.

    The last has what submodules were put into it, and into those before it.
    """
    view, found = _around(tree), dict[str, Tree]()
    for one in places:
        tree = found[one] = find_tree(tree.repository, tree.root, view.path(one), where)
    return found


def _texts(tree: Tree) -> Mapping[str, str]:
    """Return a tree's modules and files of variables, by path."""
    return tree.read_all([path for path in tree.paths() if path.endswith(".py") or "/.env" in f"/{path}"])


def _released(
    repository: Repository, ref: str, folder: str, allow_dirty: bool, place: str, options: DependencyOptions
) -> tuple[Revision, Tree, Dependencies]:
    """Return what is released of the application's folder; what its dependencies have beside it is clean too, or added.

    What lies beside it is known by the dependencies alone, and with `allow_dirty` those are read from the working tree.
    """
    beside: tuple[str, ...] = ()
    while True:
        revision = find_revision(repository, ref, folder, allow_dirty, beside)
        tree = find_tree(repository, revision.tree, folder, place)
        dependencies = _dependencies(tree, f"in {folder} {place}" if folder else place, options)
        view = _around(tree)
        places = tuple(sorted(view.path(one) for one in places_beside(dependencies.packages, view)))
        if set(places) <= set(beside):
            return revision, tree, dependencies
        beside = tuple(sorted({*beside, *places}))


def _tree_id(tree: Tree, beside: Mapping[str, Tree]) -> str:
    """Return the id of the application's tree, and with others beside it of all of them."""
    if not beside:
        return tree.id
    parts = (tree.id, *(part for place, one in sorted(beside.items()) for part in (place, one.id)))
    return hashlib.sha1("\0".join(parts).encode(), usedforsecurity=False).hexdigest()


def _around(tree: Tree) -> RepositoryView:
    """Return the repository around a tree; what was asked for once is kept, since each question is a process."""
    text = lru_cache(maxsize=None)(lambda path: _text(tree.repository, tree.root, path))
    return RepositoryView(tree.folder, text, lru_cache(maxsize=None)(lambda path: _listed(tree, path)))


def _listed(tree: Tree, folder: str) -> frozenset[str]:
    found = tree.repository.attempt("ls-tree", "-r", "-z", "--name-only", f"{tree.root}:{folder}") or ""
    return frozenset(filter(None, found.split("\0")))


def _own(tree: Tree, entry: Entry, dependencies: Dependencies, beside: Mapping[str, str]) -> OwnPackage:
    """Return what the release has of the application as a package, and then of the others that it needs."""
    view = _around(tree)
    found = read_package(".", view)
    pyproject = with_setup(found) if found else {}
    own = own_package(tree.paths(), pyproject, tree.read, tree=tree.id, imported_from=entry.imported_from)
    others = own_packages((one for one in dependencies.packages if one.place != "."), view, beside)
    return OwnPackage(
        tuple(dict.fromkeys((*own.import_folders, *others.import_folders))),
        tuple({file.path: file for file in (*others.files, *own.files)}.values()),
        (*own.warnings, *others.warnings),
    )


def _dependencies(tree: Tree, place: str, options: DependencyOptions) -> Dependencies:
    files, workspace = tree.paths(), None
    view = _around(tree)
    if tree.folder and not {"uv.lock", "requirements.txt"} & files:
        workspace = find_workspace(tree.folder, view.read_file)
    return decide_dependencies(Application(files, tree.read, tree.id, place, workspace, view), options)


def _text(repository: Repository, root: str, path: str) -> str | None:
    blob = repository.attempt("rev-parse", "--quiet", "--verify", f"{root}:{path}")
    return read_text(repository, blob, path) if blob else None

"""Asks git what must not be in an image: reads the .gitignore of all folders, and asks git about the result.

The lines follow from files of the repository and from settings alone, so that they are the same for everybody; what a
person's own git configuration ignores in addition is reported, and not written.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from homeport.exports.dockerignore import Ignored, written
from homeport.exports.gitignore import Rule, attribute_rules, rules
from homeport.exports.ignored import Folder, below, ignored_lines
from homeport.settings import Settings
from homeport.source.git import GitError, Repository
from homeport.source.tree import Tree
from homeport.source.tree_contents import PIPELINES, some

# The project's own files, where the project's folder is the application's folder too.
PROJECT_PARTS = ("inventories", "group_data", "overrides", "resolved", "exports", "deploy.py", "config.py")
# The one folder of ours that a build needs.
BUILT_FROM = ".container"
# Files that another builder reads instead of .dockerignore.
INSTEAD = ("Dockerfile.dockerignore", ".containerignore")


def left_out(settings: Settings, tree: Tree, project: Path, application: Path) -> tuple[tuple[str, ...], list[str]]:
    """Return what an image is not given, see `ignored_lines`, and what it may never have: the project, its secrets."""
    never = list(dict.fromkeys(map(written, _never(settings, project, str(application)))))
    # What is decided by itself needs no line, and an export beside it must not change this one.
    decided = Ignored([*never, BUILT_FROM, *PIPELINES])
    inside = [path for path in _listed(tree) if path not in decided]
    found = _rules(tree, ".gitignore", inside, rules)
    unreleased = _rules(tree, ".gitattributes", inside, attribute_rules)
    return ignored_lines(
        Folder(tree.folder, inside, [path for path in tree.paths() if path not in decided]), found, unreleased
    ), never


def _never(settings: Settings, project: Path, application: str) -> Iterator[str]:
    own = [project] if str(project) != application else [project / name for name in PROJECT_PARTS]
    secret = (settings.secrets_file, settings.tls_key_file, settings.acme_dns_credentials_file)
    files = [project / Path(one).expanduser() for one in secret if one]
    # The file itself where a link leads to it.
    yield from below(map(str, (*own, *files, *(one.resolve() for one in files))), application)


def _listed(tree: Tree) -> list[str]:
    """Return the paths of all files that git has in the application's folder, released or not."""
    place = f"{tree.root}:{tree.folder}" if tree.folder else tree.root
    listed = tree.repository.run("ls-tree", "-r", "-z", "--name-only", place).decode("utf-8", "surrogateescape")
    return [path for path in listed.split("\0") if path]


def _rules(
    tree: Tree, name: str, inside: Iterable[str], parse: Callable[[str, str], Iterator[Rule]]
) -> tuple[Rule, ...]:
    """Return the rules of all files of this name, in the order in which they count."""
    found: list[Rule] = []
    names = tree.folder.split("/") if tree.folder else []
    for count in range(len(names)):
        folder = "/".join(names[:count])
        found += parse(_on_disk(tree.repository.path / folder / name), folder)
    own = sorted(
        (path for path in inside if posixpath.basename(path) == name), key=lambda path: (path.count("/"), path)
    )
    for path in own:
        place = posixpath.join(tree.folder, path)
        text = tree.repository.run("cat-file", "blob", f"{tree.root}:{place}").decode("utf-8", "surrogateescape")
        found += parse(text, posixpath.dirname(place))
    return tuple(found)


def _on_disk(path: Path) -> str:
    """Return the text of a file above the application's folder, as git sees it; a link means nothing to it."""
    try:
        return "" if path.is_symlink() else path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def unknown_files(repository: Repository, folder: str, lines: Iterable[str]) -> list[str]:
    """Return what lies in the application's folder that git ignores here, and that the `lines` let into an image.

    A person's own list, or one that is in no commit, has git ignore it. A folder has a slash at its end.
    """
    words = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z", "--", folder or ".")
    try:
        listed = repository.run(*words).decode("utf-8", "surrogateescape").split("\0")
    except GitError:
        return []
    known = Ignored(lines)
    seen = sorted(path.removeprefix(f"{folder}/" if folder else "") for path in listed if path)
    theirs = [path for path in seen if path.split("/")[0] != BUILT_FROM]
    return [path for path in theirs if (f"{path}any" if path.endswith("/") else path) not in known]


def warnings(repository: Repository, folder: str, application: Path, lines: Iterable[str]) -> Iterator[str]:
    """Yield what would get into an image that is built here though git ignores it, and a list that is read instead."""
    if found := unknown_files(repository, folder, lines):
        yield (
            f"git ignores {some(found)} by a rule that is not in the repository, and an image that is built here has "
            "it: put the rule into a committed .gitignore, or remove it"
        )
    for name in INSTEAD:
        if (application / name).exists():
            yield f"{name} lies in {application}, and a builder that knows it reads it instead of .dockerignore"

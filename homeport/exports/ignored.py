"""What must not be in an image, as lines of a .dockerignore: what git ignores, what is not released, private keys.

Pure. A line errs on the side of leaving out, and what is committed is named again where a line would leave it out. So
no image lacks a file of the release, and none has what git ignores by the repository's own rules.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

from homeport.exports.dockerignore import Ignored, folders_of, written
from homeport.exports.gitignore import Rule, is_ignored

# Names of keys, of passwords, and of what tools leave behind; one that is committed is meant for the release.
UNWANTED = (
    *("**/*.key", "**/*.pem", "**/*.p12", "**/*.pfx", "**/*.ppk", "**/*.jks", "**/*.keystore", "**/*.kdbx"),
    *("**/id_rsa", "**/id_dsa", "**/id_ecdsa", "**/id_ed25519", "**/.ssh", "**/.gnupg", "**/.aws", "**/.kube"),
    *("**/.netrc", "**/.pgpass", "**/.pypirc", "**/.npmrc", "**/.git-credentials", "**/.htpasswd", "**/.envrc"),
    *("**/.venv", "**/.tox", "**/.nox", "**/.*_cache", "**/node_modules"),
)
# Stands for a file that no rule names, in a question whether a folder's files are left out.
_ANY = "a file of any name"


@dataclass(frozen=True)
class Folder:
    """The application's `folder` in its repository: paths of all its files in git, `listed`, and of the `released`."""

    folder: str
    listed: Collection[str]
    released: Collection[str]

    def path(self, place: str) -> str:
        """Return the path in the repository of a place in the folder."""
        return posixpath.join(self.folder, place) if self.folder else place


def ignored_lines(one: Folder, rules: Iterable[Rule], unreleased: Iterable[Rule] = ()) -> tuple[str, ...]:
    """Return the lines for what git ignores by its `rules` and what attributes keep out of releases (`unreleased`)."""
    rules = tuple(rules)
    positive = (*(rule for rule in rules if not rule.negated), *unreleased)
    lines = list(dict.fromkeys((*UNWANTED, *chain.from_iterable(rule.below(one.folder) for rule in positive))))
    if is_ignored(one.folder, rules):
        lines.append("**")
    known, unwanted, into = Ignored(lines), Ignored(UNWANTED), set[str]()
    for folder in sorted({folder for path in one.released for folder in folders_of(path)}):
        if folder in known and folder not in unwanted and not is_ignored(one.path(folder), rules):
            inside = [*UNWANTED, *chain.from_iterable(rule.below(one.path(folder)) for rule in positive)]
            # Where rules leave out all files in it, the committed ones are named one by one below.
            if _ANY not in Ignored(inside):
                place = written(folder)
                lines += [f"!{place}", *(f"{place}/{line}" for line in inside)]
                known = Ignored(lines)
                into |= {folder, *folders_of(folder)}
    files = [path for path in sorted(one.released) if path in known]
    into |= {folder for path in files for folder in folders_of(path)}
    back = (f"!{written(path)}" for path in files)
    return (*_also_below(lines, into), *back, *dict.fromkeys(map(written, _left_over(one, known))))


def _also_below(lines: Iterable[str], into: Collection[str]) -> Iterator[str]:
    """Yield the lines, and one more for what lies in a folder that a line leaves out and that a later one goes `into`.

    Docker 20.10 (Debian 12's), once it is in such a folder, no longer knows that `**/NAME` has left it out.
    """
    for line in lines:
        yield line
        alone = Ignored([line])
        if not line.endswith("**") and any(folder in alone for folder in into):
            yield f"{line}/**"


def _left_over(one: Folder, known: Ignored) -> Iterator[str]:
    """Yield what is in git, is not released, and is left out by no line so far: folders where all in them is so."""
    kept = {folder for path in one.released for folder in folders_of(path)}
    for path in sorted(set(one.listed) - set(one.released)):
        if path not in known:
            yield next((folder for folder in reversed([*folders_of(path)]) if folder not in kept), path)


def below(paths: Iterable[str], folder: str) -> Iterator[str]:
    """Yield those of the absolute `paths` that lie below the absolute `folder`, seen from there."""
    for path in paths:
        plain = PurePosixPath(posixpath.normpath(path))
        if plain.is_relative_to(folder) and str(plain) != folder:
            yield str(plain.relative_to(folder))

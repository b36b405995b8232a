"""What no image may have: git's own lists of what is no part of the application, as a .dockerignore has them. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath


def from_gitignore(text: str, *, above: bool = False) -> Iterator[str]:
    """Yield the patterns of a .gitignore for a .dockerignore, which sees each from the folder that is built.

    With `above` the file lies in a folder above that one: what it says of a certain place says nothing there.
    gitignore(5): a pattern without a slash but at its end means every folder.
    """
    for line in text.splitlines():
        pattern = line.rstrip().removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        plain, negated = pattern.rstrip("/"), "!" if line.startswith("!") else ""
        if "/" not in plain:
            yield f"{negated}**/{plain}"
        elif not above or plain.startswith("**/"):
            yield f"{negated}{plain.lstrip('/')}"


def from_gitattributes(text: str) -> Iterator[str]:
    """Yield likewise what a .gitattributes keeps out of releases (`export-ignore`)."""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and not words[0].startswith("#") and "export-ignore" in words[1:]:
            yield from from_gitignore(words[0])


def below(paths: Iterable[str], folder: str) -> Iterator[str]:
    """Yield those of the absolute `paths` that lie below the absolute `folder`, seen from there."""
    for path in paths:
        plain = PurePosixPath(posixpath.normpath(path))
        if plain.is_relative_to(folder) and str(plain) != folder:
            yield str(plain.relative_to(folder))

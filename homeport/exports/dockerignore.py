"""The rules of a .dockerignore: which files of a folder a build gets, and how a path is written there. Pure.

By the reference of Docker (".dockerignore files") and the code of its matcher (moby/patternmatcher): the last line that
matches a path, or a folder that it lies in, decides. Podman, Kaniko and Debian 12's Compose read the same lines, but
a backslash has no special meaning for the latter: so none is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

# Has a special meaning, at least to one of the matchers or at the start of a line, unless it is in brackets.
BRACKETED = frozenset("+(){}|$#[")
# Cannot be written for all matchers: it is replaced by "any character".
UNWRITABLE = frozenset("*?\\^!\x7f")


def written(text: str) -> str:
    """Return a name or a path as a line of a .dockerignore has it, which then means this one alone (or nearly so)."""
    return line("".join(map(character, text)))


def character(one: str) -> str:
    """Return a character of a name as a pattern has it."""
    if one in BRACKETED:
        return f"[{one}]"
    return "?" if one in UNWRITABLE or ord(one) < 0x20 or 0xD800 <= ord(one) < 0xE000 else one


def line(found: str) -> str:
    """Return a pattern as a line, whose spaces at both ends do not count."""
    return re.sub(r"^ | $", "?", found)


@lru_cache(maxsize=4096)
def pattern(text: str) -> re.Pattern[str]:
    """Return what a line, without its exclamation mark, matches: the whole of a path."""
    text = re.sub(r"/+", "/", text.strip("/"))
    # "**/" is any number of folders, "**" at the end all below, "*" and "?" stay within a name.
    parts = re.split(r"(\*\*/?$|\*\*/?|\*|\?|\[[^]]+\])", text)
    return re.compile("".join(map(_expression, parts)), re.DOTALL)


def _expression(part: str) -> str:
    found = {"*": "[^/]*", "?": "[^/]", "**": ".*", "**/": "(.*/)?"}.get(part)
    if found is not None:
        return found
    if part[:1] == "[":
        inner = part[1:-1]
        return f"[{'^' if inner[0] == '^' else ''}{inner.removeprefix('^').replace('[', chr(92) + '[')}]"
    return re.escape(part)


class Ignored:
    """The lines of a .dockerignore, to be asked about paths."""

    def __init__(self, lines: Iterable[str]):
        self.lines: list[tuple[bool, re.Pattern[str]]] = []
        self._folders: dict[str, list[bool]] = {}
        self.add(lines)

    def add(self, lines: Iterable[str]) -> None:
        """Add lines at the end."""
        stripped = (one.strip() for one in lines if not one.startswith("#"))
        self.lines += [(one[0] == "!", pattern(one.removeprefix("!"))) for one in stripped if one]
        self._folders.clear()

    def __contains__(self, path: str) -> bool:
        """Tell whether the file or folder at `path` is kept from a build."""
        kept_out = False
        for (takes_back, _), matches in zip(self.lines, self._matches(path), strict=True):
            if matches:
                kept_out = not takes_back
        return kept_out

    def _matches(self, path: str) -> list[bool]:
        """Return which lines match a path or a folder that it lies in."""
        folder = path.rpartition("/")[0]
        if folder and folder not in self._folders:
            self._folders[folder] = self._matches(folder)
        above = self._folders.get(folder) or [False] * len(self.lines)
        return [one or bool(found.fullmatch(path)) for one, (_, found) in zip(above, self.lines, strict=True)]


def folders_of(path: str) -> Iterator[str]:
    """Yield the folders that a path lies in, the nearest one first."""
    while path := path.rpartition("/")[0]:
        yield path

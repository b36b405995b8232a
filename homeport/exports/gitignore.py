"""The rules of .gitignore files, in all folders of a repository, as a .dockerignore in one of them has them. Pure.

gitignore(5): the last rule that matches a path decides, of a deeper file before those above it; what lies in a folder
that is ignored cannot be taken back. Unlike in Docker, a rule that takes back a folder does not take back what
other rules ignore in it; so such rules are never copied, see `homeport.exports.ignored`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from homeport.exports.dockerignore import character, line, pattern, written

# Stars, a class, a character after a backslash, any other.
_PIECES = re.compile(r"\*+|\[[!^]?\]?(?:\[:\w+:\]|\\.|[^]\\])*\]|\\.|.", re.DOTALL)
# Content of brackets that all matchers read alike; anything else there is replaced by "any character".
_PLAIN_CLASS = re.compile(r"[A-Za-z0-9_](?:-?[A-Za-z0-9_])*")


@dataclass(frozen=True)
class Rule:
    """One line of a .gitignore: the `parts` of its path from the repository's root, as a .dockerignore has them.

    A part "**" is any number of folders. `negated` takes back what another one ignores; `is_exact` says that nothing
    more is matched than git would.
    """

    parts: tuple[str, ...]
    negated: bool = False
    is_exact: bool = True

    def matches(self, path: str) -> bool:
        """Tell whether the rule is about the file or folder at this path of the repository itself."""
        return pattern("/".join(self.parts)).fullmatch(path) is not None

    def below(self, folder: str) -> Iterator[str]:
        """Yield the rule's patterns for what lies below a folder of the repository, seen from there."""
        found = _rest(self.parts, tuple(filter(None, folder.split("/"))))
        yield from dict.fromkeys(line("/".join(parts)) for parts in found if parts)


def rules(text: str, folder: str) -> Iterator[Rule]:
    """Yield the rules of the .gitignore with this text, which lies in `folder` of the repository ("" for its root)."""
    for one in text.removeprefix("\ufeff").split("\n"):
        path = re.sub(r"(?<!\\) +$", "", one.removesuffix("\r")).removeprefix("!")
        if not one.startswith("#") and path.strip("/"):
            yield _rule(path, folder, negated=one.startswith("!"))


def attribute_rules(text: str, folder: str) -> Iterator[Rule]:
    """Yield likewise what a .gitattributes keeps out of releases (`export-ignore`)."""
    for words in map(str.split, text.splitlines()):
        if not "".join(words[:1]).startswith("#") and "export-ignore" in words[1:]:
            yield _rule(words[0], folder, negated=False)


def is_ignored(folder: str, found: Iterable[Rule]) -> bool:
    """Tell whether the rules, the deepest ones last, have git ignore a folder of the repository."""
    found = tuple(found)
    names = folder.split("/") if folder else []
    for count in range(1, len(names) + 1):
        path = "/".join(names[:count])
        last = next((rule for rule in reversed(found) if _counts(rule) and rule.matches(path)), None)
        if last and not last.negated:
            return True
    return False


def _counts(rule: Rule) -> bool:
    """Leave out a rule that would take back more than git does."""
    return rule.is_exact or not rule.negated


def _rule(path: str, folder: str, *, negated: bool) -> Rule:
    plain = path.rstrip("/")
    anywhere = [] if "/" in plain else ["**"]
    parts, is_exact = [*map(written, filter(None, folder.split("/"))), *anywhere], True
    for name in filter(None, plain.split("/")):
        part, exact = ("**", True) if name == "**" else _part(name)
        is_exact = is_exact and exact
        if part != "**" or parts[-1:] != ["**"]:
            parts.append(part)
    return Rule(tuple(parts), negated, is_exact)


def _part(name: str) -> tuple[str, bool]:
    """Return a name of a pattern for a .dockerignore, and whether it means the same there and not more."""
    found, is_exact = "", True
    for piece in _PIECES.findall(name):
        if piece[0] == "*":
            part = "*"
        elif piece == "?":
            found += "?"
            continue
        elif piece[0] == "[" and len(piece) > 1:
            part = piece if _PLAIN_CLASS.fullmatch(piece[1:-1]) else "?"
        else:
            part = "?" if piece == "[" else character(piece[-1])
        found, is_exact = found + part, is_exact and part != "?"
    return found, is_exact


def _rest(parts: tuple[str, ...], names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield what is left of a rule's parts below the folder with these names; nothing where it matches a folder."""
    if not names:
        yield parts
    elif parts and parts[0] == "**":
        yield from _rest(parts[1:], names)
        yield from _rest(parts, names[1:])
    elif parts and pattern(parts[0]).fullmatch(names[0]):
        yield from _rest(parts[1:], names[1:])

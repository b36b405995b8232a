"""Shell text as simple commands with their lines, without running any of it. Pure.

It is no shell: variables are replaced where their value is plain, conditions are not followed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_VARIABLE = re.compile(r"\$(?:\{(?P<name>\w+)(?::?[-=](?P<default>[^{}$]*))?\}|(?P<plain>[A-Za-z_]\w*))")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
# Words at a command's beginning that make what follows depend on something.
CONDITIONS = frozenset(("if", "elif", "else", "case", "while", "until", "for", "function"))
_NOISE = frozenset(("then", "do", "fi", "done", "esac", "{", "}", "!", ";;"))
# Longer than any command that a person writes.
LONGEST_LINE = 10_000


@dataclass(frozen=True)
class Simple:
    """A simple command: its words, its line, whether it goes on in the background, whether it is conditional."""

    words: tuple[str, ...]
    line: int
    background: bool = False
    conditional: bool = False


class ShellError(Exception):
    """A line that is not understood; `line` is its number."""

    def __init__(self, line: int, why: str):
        self.line = line
        super().__init__(why)


def simple_commands(text: str, first: int, variables: Mapping[str, str]) -> Iterator[Simple]:
    """Yield the simple commands in a text that begins at the line `first`; `variables` are known from outside.

    Raises ShellError for a line whose quotes do not end.
    """
    known = dict(variables)
    depth = 0
    for number, line in _lines(text, first):
        for words, operator in _split(_replaced(line, known), number):
            words, depth = _without_conditions(words, depth)
            while words and words[0] == "export":
                words = words[1:]
            own = list(_leading_assignments(words))
            if len(own) == len(words):
                known |= {name: value for name, _, value in (word.partition("=") for word in own)}
                continue
            yield Simple(tuple(words[len(own) :]), number, operator == "&", depth > 0)


def replaced(text: str, known: Mapping[str, str]) -> str:
    """Return a text with the variables that are known, or have a default, replaced."""
    return _replaced(text, known)


def _lines(text: str, first: int) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line, those that end in a backslash put together."""
    whole, begin = "", first
    for number, line in enumerate(text.splitlines(), first):
        if not whole:
            begin = number
        if line.endswith("\\"):
            whole += line[:-1] + " "
            continue
        whole += line
        if whole.strip() and not whole.lstrip().startswith("#"):
            yield begin, whole
        whole = ""
    if whole.strip():
        yield begin, whole


def _replaced(text: str, known: Mapping[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        name = match["name"] or match["plain"]
        default = match["default"]
        if known.get(name):
            return known[name]
        return match.group() if default is None else default

    # A default may have a variable in it: from the inside to the outside, a few times.
    for _ in range(3):
        changed = _VARIABLE.sub(one, text)
        if changed == text or len(changed) > LONGEST_LINE:
            break
        text = changed
    return text


def _split(line: str, number: int) -> Iterator[tuple[list[str], str]]:
    """Yield the words of each simple command in a line, and the operator after it."""
    if len(line) > LONGEST_LINE:
        raise ShellError(number, "the line is too long")
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();&|")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    try:
        for token in lexer:
            if token and set(token) <= set("();&|"):
                if words:
                    yield words, token
                words = []
            else:
                words.append(token)
    except ValueError:
        raise ShellError(number, "its quotes do not end") from None
    if words:
        yield words, ""


def _without_conditions(words: list[str], depth: int) -> tuple[list[str], int]:
    """Return the words after those of a condition, and how many conditions are open then."""
    while words and (words[0] in CONDITIONS or words[0] in _NOISE):
        if words[0] in ("if", "case", "while", "until", "for"):
            depth += 1
        elif words[0] in ("fi", "done", "esac"):
            depth = max(0, depth - 1)
        skipped = words[0] in ("for", "case", "function")
        words = [] if skipped else words[1:]
    return words, depth


def _leading_assignments(words: list[str]) -> Iterator[str]:
    for word in words:
        if not _ASSIGNMENT.match(word):
            return
        yield word

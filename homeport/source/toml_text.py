"""TOML 1.1 for Python's reader, which knows 1.0: tables in braces that go over several lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Strings and comments are pieces, so that nothing in them counts; a comma that a table ends with is one of its own.
_PIECES = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|,(?:\s|#[^\n]*\n)*\}|.', re.DOTALL
)


def as_toml_1_0(text: str) -> str:
    """Return the text with each table in braces on one line, without a comma at its end and without comments in it."""
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    open_ones: list[str] = []
    for piece in _PIECES.findall(text):
        ends = piece[0] == "," and len(piece) > 1
        in_braces = bool(open_ones) and open_ones[-1] == "{"
        if piece in ("{", "["):
            open_ones.append(piece)
        elif open_ones and (ends or piece in ("}", "]")):
            open_ones.pop()
        if ends:
            yield "}"
        elif not in_braces or not (piece == "\n" or piece[0] == "#"):
            yield piece
        else:
            yield " "

"""Lists of requirements in a setup.py: a plain one, or one that is read of a requirements file. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

# What the text of a condition may be that leaves out what is no requirement of a package: options, comments, addresses.
_NO_NAME = re.compile(r"[^A-Za-z0-9].*|git\+?|https?(:.*)?|", re.DOTALL)
# Methods that make another list of the one that they are called on, when they are given a text.
_CHANGES = ("append", "extend", "insert", "remove")
# What tells machines apart.
_MACHINE = ("sys", "platform", "environ", "getenv")


class Unreadable(Exception):  # noqa: N818 (nothing has failed)
    """A value is made by code; `str()` says how, as a sentence about setup.py or setup.cfg."""


def requirement_lines(value: object, key: str) -> list[str]:
    """Return requirements that are a text of lines, a list of texts, or None; raise Unreadable for anything else."""
    if value is None or isinstance(value, str):
        return listed(value or "")
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return [one for text in value for one in listed(text)]
    raise Unreadable(f"its setup.py has {key} that is not a list of texts")


def listed(text: str) -> list[str]:
    """Return the lines of a text without comments and empty ones."""
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def with_markers(extras: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return requirements by extra ("" for none): a key of setuptools' may have a marker behind a colon."""
    found: dict[str, list[str]] = {}
    for key, lines in extras.items():
        name, _, marker = key.partition(":")
        found.setdefault(name.strip(), []).extend(_with_marker(line, marker.strip()) for line in lines)
    return found


def _with_marker(line: str, marker: str) -> str:
    plain, _, own = line.partition(";")
    both = " and ".join(f"({one})" if own and marker else one for one in (own.strip(), marker) if one)
    return f"{plain.strip()} ; {both}" if both else line


def file_lines(text: str, file: str) -> list[str]:
    """Return the requirements in the text of a requirements file, without its options.

    Raises Unreadable for one that includes others, and for one with what only pip knows.
    """
    found = listed(text)
    for line in found:
        if line.startswith(("-r", "-c", "-e", "--requirement", "--constraint", "--editable")) or line.endswith("\\"):
            raise Unreadable(f"its setup.py reads {file}, which has a line that only pip knows ({line})")
    return [line for line in found if not line.startswith("-")]


def is_doubtful(node: ast.AST) -> bool:
    """Tell whether code that reads a requirements file may add something to its lines, or leave some of them out."""
    return any(_adds(one) or _leaves_out(one) for one in ast.walk(node))


def _adds(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return not isinstance(node.op, ast.Div) and not any(map(_is_text, (node.left, node.right)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
        return any(_is_text(one) for argument in node.args for one in ast.walk(argument))
    if isinstance(node, ast.List):
        return any(map(_is_text, node.elts))
    return isinstance(node, ast.Starred | ast.AugAssign)


def _leaves_out(node: ast.AST) -> bool:
    if isinstance(node, ast.comprehension):
        return any(map(_is_choosy, node.ifs))
    if isinstance(node, ast.If):
        return _is_choosy(node.test)
    names = (node.id,) if isinstance(node, ast.Name) else (node.attr,) if isinstance(node, ast.Attribute) else ()
    return isinstance(node, ast.IfExp | ast.Slice | ast.Delete) or any(one in _MACHINE for one in names)


def _is_choosy(condition: ast.expr) -> bool:
    texts = (one.value for one in ast.walk(condition) if isinstance(one, ast.Constant) and isinstance(one.value, str))
    return not all(_NO_NAME.fullmatch(text) for text in texts)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)

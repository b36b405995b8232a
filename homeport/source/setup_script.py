"""What the call of `setup(…)` in a setup.py has as plain values. Pure: the script is parsed and never run.

A value counts when it is written in the call, or when its name is given it once, in one place, and is used in the call
and nowhere else: then nothing can have changed it. Everything else is unreadable, and never a shorter list.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from homeport.source.setup_lines import Unreadable, file_lines, is_doubtful, requirement_lines

# Modules whose `setup` takes setuptools' arguments and adds no requirements.
_MODULES = ("setuptools", "distutils.core", "numpy.distutils.core", "skbuild")
_REQUIREMENTS = re.compile(r"[\w./-]*requirements[\w./-]*\.(?:txt|in)")
Read = Callable[[str], str | None]


@dataclass(frozen=True)
class SetupCall:
    """The one call of `setup(…)`: its arguments by name; `open_ended` says that a table is spread among them."""

    arguments: dict[str, ast.expr]
    open_ended: bool
    tree: ast.Module
    node: ast.Call

    def value(self, key: str) -> Any:
        """Return the plain value of an argument, None where there is none; raise Unreadable for any other."""
        return None if key not in self.arguments else self._plain(self.arguments[key], key)

    def plain(self, key: str) -> Any:
        """Return the plain value of an argument; None for any other."""
        try:
            return self.value(key)
        except Unreadable:
            return None

    def text(self, key: str) -> str | None:
        """Return a text that an argument is; None for anything else."""
        found = self.plain(key)
        return found if isinstance(found, str) else None

    def lines(self, key: str, read: Read) -> list[str] | None:
        """Return the requirements of an argument, or of the file that it reads; None where there is no such argument.

        Raises Unreadable.
        """
        if key not in self.arguments:
            return None
        try:
            return requirement_lines(self.value(key), key)
        except Unreadable:
            found = self._from_file(self.arguments[key], read)
            if found is None:
                raise
            return found

    def _plain(self, node: ast.expr, key: str) -> Any:
        if isinstance(node, ast.Name):
            bound = self._bindings(node.id)
            if len(bound) != 1 or not isinstance(bound[0], ast.Assign | ast.AnnAssign):
                how = "changes" if len(bound) > 1 else "makes"
                raise Unreadable(f"its setup.py {how} {node.id} ({key}) by code")
            given = bound[0].value
            if given is None or not (_is_fixed(given) or self._is_used_here_alone(node.id)):
                raise Unreadable(f"its setup.py uses {node.id} ({key}) elsewhere, which may change it")
            node = given
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise Unreadable(f"its setup.py makes {key} by code") from None

    def _bindings(self, name: str) -> list[ast.AST]:
        return [node for node in ast.walk(self.tree) if name in _bound(node)]

    def _is_used_here_alone(self, name: str) -> bool:
        """Tell whether a name is used as a value, or a part of one, in the call and nowhere else."""
        inside = {id(one) for keyword in self.node.keywords for one in _parts(keyword.value)}
        loads = (one for one in ast.walk(self.tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load))
        return all(id(one) in inside for one in loads if one.id == name)

    def _from_file(self, node: ast.expr, read: Read) -> list[str] | None:
        """Return the lines of the one requirements file that setup.py names and `node` reads; None for anything else.

        Raises Unreadable for lines that a package's requirements cannot have.
        """
        parts = [node, *self._behind(node)]
        named = {file for text in _texts([self.tree]) for file in _REQUIREMENTS.findall(text)}
        file = next(iter(named), "")
        if len(named) != 1 or file not in _texts(parts) or any(map(is_doubtful, parts)):
            return None
        lists = [one.id for one in ast.walk(node) if isinstance(one, ast.Name) and self._assigned(one.id)]
        if any(len(self._bindings(name)) > 1 or not self._is_used_here_alone(name) for name in lists):
            return None
        content = read(posixpath.normpath(file.lstrip("/")))
        return None if content is None else file_lines(content, file)

    def _assigned(self, name: str) -> bool:
        return any(isinstance(one, ast.Assign | ast.AnnAssign | ast.AugAssign) for one in self._bindings(name))

    def _behind(self, node: ast.AST) -> list[ast.AST]:
        """Return all that the names in an expression come from, and the names in that."""
        found: dict[int, ast.AST] = {}
        waiting = [node]
        while waiting:
            names = {one.id for one in ast.walk(waiting.pop()) if isinstance(one, ast.Name)}
            new = [made for name in names for made in self._bindings(name) if id(made) not in found]
            found |= {id(one): one for one in new}
            waiting += new
        return list(found.values())


def read_call(text: str) -> SetupCall:
    """Return the call of `setup(…)` in the text of a setup.py; raise Unreadable when there is not just one."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable("its setup.py cannot be parsed as Python") from None
    functions = list(_setups(tree))
    called = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and one.func in functions]
    if len(called) != 1 or len(functions) != 1 or called[0].args:
        raise Unreadable("its setup.py does not call setup(…) just once, by the name that it is imported by")
    call = called[0]
    arguments = {one.arg: one.value for one in call.keywords if one.arg}
    return SetupCall(arguments, any(one.arg is None for one in call.keywords), tree, call)


def _setups(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield each mention of setuptools' function, by whatever name it was imported; a name bound anew hides it."""
    names, modules = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in _MODULES:
            names |= {one.asname or one.name for one in node.names if one.name == "setup"}
        if isinstance(node, ast.Import):
            modules |= {one.asname or one.name for one in node.names if one.name in _MODULES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "setup" and ast.unparse(node.value) in modules:
            yield node
        if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
            yield node
        if not isinstance(node, ast.ImportFrom | ast.Import) and _bound(node) & names:
            raise Unreadable("its setup.py gives the name of setup(…) to something else")


def _bound(node: ast.AST) -> set[str]:
    """Return the names that a piece of syntax itself gives something to."""
    if isinstance(node, ast.Assign):
        return {one.id for target in node.targets for one in _names(target)}
    if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr | ast.For | ast.AsyncFor | ast.comprehension):
        return {one.id for one in _names(node.target)}
    if isinstance(node, ast.withitem):
        return {one.id for one in _names(node.optional_vars)} if node.optional_vars else set()
    if isinstance(node, ast.Delete):
        return {one.id for target in node.targets for one in _names(target)}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(one.asname or one.name).split(".")[0] for one in node.names}
    if isinstance(node, ast.arg):
        return {node.arg}
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return {node.name} if node.name else set()
    return set()


def _names(target: ast.AST) -> Iterator[ast.Name]:
    """Yield the names in a target: also that of `NAME[0] = …` and `NAME.x = …`, which change what it has."""
    return (one for one in ast.walk(target) if isinstance(one, ast.Name))


def _parts(value: ast.expr) -> Iterator[ast.expr]:
    """Yield an expression and those that its lists, tables and sums consist of."""
    yield value
    if isinstance(value, ast.List | ast.Tuple | ast.Dict | ast.BinOp | ast.Starred):
        for one in ast.iter_child_nodes(value):
            if isinstance(one, ast.expr):
                yield from _parts(one)


def _is_fixed(node: ast.expr) -> bool:
    """Tell whether a value cannot be changed: a text, a number, a tuple of such."""
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Tuple) and all(map(_is_fixed, node.elts)))


def _texts(nodes: Iterable[ast.AST]) -> set[str]:
    found = (one.value for node in nodes for one in ast.walk(node) if isinstance(one, ast.Constant))
    return {text for text in found if isinstance(text, str)}

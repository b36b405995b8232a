"""Variables that code cannot go on without, asked for outside of pydantic-settings. Pure.

`config("NAME")` of Starlette's Config and of python-decouple, and `os.environ["NAME"]`, where that is run as the module
is imported: all raise an error for a variable that is not set and has no default.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

# What the object that reads variables is made by, or imported from.
_CLASS, _STARLETTE, _DECOUPLE = "Config", "starlette.config", "decouple"
# A default is the third word of Starlette's, and a keyword of both.
_DEFAULT_AT = 3
_GET = ("os.getenv", "getenv", "os.environ.get", "environ.get")


def required_calls(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module asks for, without a default, while it is imported."""
    readers = set(_readers(tree))
    for node in _at_import(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in readers:
            given = len(node.args) >= _DEFAULT_AT or any(one.arg in ("default", None) for one in node.keywords)
            if node.args and not given and (name := _text(node.args[0])):
                yield name
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            name = _text(node.slice) if ast.unparse(node.value) in ("os.environ", "environ") else ""
            yield from filter(None, [name])


def read_calls(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module reads while it is imported, and takes as they are: None where one is not set.

    `URL = os.getenv("URL")` and `connect(os.environ.get("URL"))`, not `os.getenv("DEBUG") == "1"`: that has a meaning
    without the variable.
    """
    for node in _at_import(tree):
        values: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            values = [node.value]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) != "bool":
            values = [*node.args, *(one.value for one in node.keywords)]
        for value in values:
            if isinstance(value, ast.Call) and ast.unparse(value.func) in _GET and len(value.args) == 1:
                yield from filter(None, [_text(value.args[0]) if not value.keywords else ""])


def _readers(tree: ast.Module) -> Iterator[str]:
    classes = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                if node.module == _STARLETTE and one.name == _CLASS:
                    classes.add(one.asname or one.name)
                elif node.module == _DECOUPLE and one.name == "config":
                    yield one.asname or one.name
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) in classes
        ):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what is run as a module is imported: nothing in functions, and nothing that a condition may skip."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.If | ast.IfExp | ast.Try):
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""

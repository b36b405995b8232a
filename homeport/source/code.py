"""Reads a Python module's FastAPI application: the objects that it creates, and the paths of its routes. Pure.

The text is parsed and never imported: what is looked at is somebody's application, and its imports may be missing here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Functions that make an application, by the names that people give them: create_app(), build_application() …
FACTORY = re.compile(
    r"(create|make|build|get|init|setup|register|new|configure|bootstrap)_?(\w+_)?(app|application|api)"
)
SCHEMA = "/openapi.json"


@dataclass(frozen=True)
class Route:
    """A path that answers to GET; `owner` is the object that has it: an application, or a router with a `prefix`."""

    path: str
    owner: str


@dataclass(frozen=True)
class Code:
    """What one module has at its top level.

    `applications` are the names of FastAPI objects, the module's first first; `made` the names of what a factory
    returned; `factories` the functions that make one and need no argument, `inner` the names that such an object has in
    a function; `routers` the prefixes of APIRouter objects by name (None: not a plain text). `mounts` says that one is
    included with a prefix here. `schema` is the path of the OpenAPI document, None where there is none; {NAME} in it is
    what one of the `constants` is, the texts of all modules and classes, which may have {NAME} in them as well;
    `inner_schemas` are those of FastAPI objects that are made in a function.
    """

    applications: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    factories: tuple[str, ...] = ()
    inner: frozenset[str] = frozenset()
    routes: tuple[Route, ...] = ()
    routers: dict[str, str | None] = field(default_factory=dict)
    mounts: bool = False
    schema: str | None = SCHEMA
    inner_schemas: frozenset[str | None] = frozenset()
    constants: dict[str, str] = field(default_factory=dict)


def read_code(text: str) -> Code:
    """Return what a module says; nothing for one that is no Python that we can parse."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return Code()
    calls = list(_assigned_calls(tree.body))
    classes, router_classes = _imported_as(tree, "FastAPI"), _imported_as(tree, "APIRouter")
    applications = {name: call for name, call in calls if _called(call, classes)}
    routers = {name: call for name, call in calls if _called(call, router_classes)}
    schema = next((_text(call, "openapi_url", SCHEMA) for call in applications.values()), SCHEMA)
    return Code(
        applications=tuple(applications),
        made=tuple(name for name, call in calls if FACTORY.fullmatch(_last_name(call.func))),
        inner=frozenset(name for name, _ in _inner(tree, classes)),
        factories=tuple(_factories(tree, classes)),
        routes=tuple(_routes(tree)),
        routers={name: _plain(_text(call, "prefix", "")) for name, call in routers.items()},
        mounts=any(_mounts(node) for node in ast.walk(tree)),
        schema=schema,
        inner_schemas=frozenset(_text(call, "openapi_url", SCHEMA) for _, call in _inner(tree, classes)),
        constants=dict(_constants(tree)),
    )


def full_path(route: Route, code: Code, mounted: bool) -> str | None:
    """Return the whole path of a route; None where it hangs on something that is not plain to see."""
    if "{" in route.path:
        return None
    if route.owner in code.applications or route.owner in code.inner:
        return route.path
    prefix = code.routers.get(route.owner)
    return None if prefix is None or mounted else prefix + route.path


def _assigned_calls(body: list[ast.stmt]) -> Iterator[tuple[str, ast.Call]]:
    """Yield name and call of each `name = call(…)` at a module's top level, in `if` and `try` too."""
    for node in body:
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _assigned_calls(node.body)
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]  # type: ignore[attr-defined]
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))


def _factories(tree: ast.Module, classes: set[str]) -> Iterator[str]:
    """Yield the functions at a module's top level that are called like a factory, and say or show that they are one."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or not FACTORY.fullmatch(node.name) or node.decorator_list:
            continue
        said = node.returns is not None and ast.unparse(node.returns).strip("'\"") in classes
        makes = any(isinstance(one, ast.Call) and _called(one, classes) for one in ast.walk(node))
        needed = len(node.args.args) + len(node.args.posonlyargs) - len(node.args.defaults)
        needed += sum(default is None for default in node.args.kw_defaults)
        if (said or makes) and not needed:
            yield node.name


def _inner(tree: ast.Module, classes: set[str]) -> Iterator[tuple[str, ast.Call]]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    for name, call in (pair for node in functions for pair in _assigned_calls(node.body)):
        if _called(call, classes):
            yield name, call


def _imported_as(tree: ast.Module, name: str) -> set[str]:
    """Return the names that a class of FastAPI has in this module."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    aliases = (alias for node in imports if (node.module or "").split(".")[0] == "fastapi" for alias in node.names)
    return {alias.asname or alias.name for alias in aliases if alias.name == name} | {f"fastapi.{name}"}


def _called(call: ast.Call, names: set[str]) -> bool:
    return ast.unparse(call.func) in names


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _text(call: ast.Call, keyword: str, default: str) -> str | None:
    """Return the text that a keyword of a call has, `default` without that keyword, None for anything else."""
    for one in call.keywords:
        if one.arg == keyword:
            return _template(one.value)
    return default


def _plain(text: str | None) -> str | None:
    return None if text is None or "{" in text else text


def _template(node: ast.expr) -> str | None:
    """Return the text of an expression, with {NAME} for each name or attribute in it; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name | ast.Attribute):
        return f"{{{_last_name(node)}}}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_template(node.left), _template(node.right)]
    elif isinstance(node, ast.JoinedStr):
        parts = [_template(one.value if isinstance(one, ast.FormattedValue) else one) for one in node.values]
    else:
        return None
    return None if None in parts else "".join(filter(None, parts))


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield name and text of what a module, or a class in it, has as a text, with {NAME} for what is put into it."""
    for body in (tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))):
        for node in body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            text = _template(value) if isinstance(value, ast.Constant | ast.JoinedStr) else None
            if text is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]  # type: ignore[attr-defined]
                yield from ((target.id, text) for target in targets if isinstance(target, ast.Name))


def _routes(tree: ast.Module) -> Iterator[Route]:
    """Yield what `@app.get("/path")` and `app.add_api_route("/path", …)` say."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (route for one in node.decorator_list for route in _route(one, ("get", "api_route")))
        yield from _route(node, ("add_api_route",))


def _route(node: ast.AST, methods: tuple[str, ...]) -> Iterator[Route]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in methods:
        return
    path, owner = node.args[0] if node.args else None, node.func.value
    if isinstance(path, ast.Constant) and isinstance(path.value, str) and isinstance(owner, ast.Name):
        yield Route(path.value, owner.id)


def _mounts(node: ast.AST) -> bool:
    called = isinstance(node, ast.Call) and _last_name(node.func) == "include_router"
    return called and any(one.arg in ("prefix", None) for one in node.keywords)  # type: ignore[attr-defined]

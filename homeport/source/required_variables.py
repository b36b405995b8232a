"""Variables that an application has to be given, as its code says (pydantic-settings, `required_calls`). Pure.

The modules are parsed and never imported. What is not certain (a prefix that is computed, a class from another package)
is left out: nobody is told to set a variable that may not exist.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from homeport.settings.variables import RESERVED_ENVIRONMENT
from homeport.source.required_calls import read_calls, required_calls

BASE = "BaseSettings"
# Words of which one is in each module that asks for variables.
ASKING = (BASE, "starlette.config", "decouple", "environ[")
READING = ("getenv(", "environ.get(")
# Where code lies that is not the application, and examples of what is set.
ELSEWHERE = re.compile(
    r"(^|/)(tests?|docs?|examples?|scripts|migrations|alembic|\.[^/]*)/|(^|/)(test_[^/]*|conftest)\.py$"
)


@dataclass(frozen=True)
class Required:
    """A variable that has to be set: its name in capitals, and the module (a path) that asks for it."""

    name: str
    path: str


def required_variables(modules: Mapping[str, str]) -> tuple[Required, ...]:
    """Return what the settings classes in these modules (text by path) have no default for, in the classes' order."""
    return _found(modules, ASKING, lambda tree: (*_of_module(tree), *required_calls(tree)))


def read_variables(modules: Mapping[str, str]) -> tuple[Required, ...]:
    """Return what these modules read as they are imported, and have no default for; some can do without."""
    return _found(modules, READING, read_calls)


def _found(
    modules: Mapping[str, str], words: Iterable[str], names: Callable[[ast.Module], Iterable[str]]
) -> tuple[Required, ...]:
    found: dict[str, Required] = {}
    asking = (path for path, text in modules.items() if any(word in text for word in words))
    for path in sorted(path for path in asking if not ELSEWHERE.search(path)):
        try:
            tree = ast.parse(modules[path])
        except (SyntaxError, ValueError, RecursionError):
            continue
        for name in names(tree):
            found.setdefault(name, Required(name, path))
    return tuple(found.values())


def unset_variables(texts: Mapping[str, str], given: Iterable[str]) -> dict[str, list[str]]:
    """Return the variables that are required, and neither among the `given` ones nor in a .env file, by module."""
    files = (text for path, text in texts.items() if path.rpartition("/")[2] == ".env")
    known = {name.upper() for name in (*given, *(name for text in files for name in variables_of(text)))}
    missing: dict[str, list[str]] = {}
    for one in required_variables(texts):
        if one.name.upper() not in known and not one.name.startswith(RESERVED_ENVIRONMENT):
            missing.setdefault(one.path, []).append(one.name)
    return missing


def variables_of(text: str) -> tuple[str, ...]:
    """Return the names that a .env file sets."""
    found = re.findall(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", text, flags=re.MULTILINE)
    return tuple(dict.fromkeys(found))


def _of_module(tree: ast.Module) -> Iterator[str]:
    """Yield the variables of a module's classes; a class that another one extends counts as part of that one."""
    classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    extended = {base for node in classes.values() for base in _bases(node)}
    for name, node in classes.items():
        if name not in extended:
            yield from _of_class(node, classes)


def _of_class(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> Iterator[str]:
    line = _lineage(node, classes)
    if line is None:
        return
    prefix, fields = "", dict[str, str | None]()
    for one in line:
        settings = _configuration(one)
        if settings is None:
            return
        prefix = settings.get("env_prefix", prefix)
        fields |= dict(_fields(one))
    for name, alias in fields.items():
        if alias is not None:
            yield (alias or prefix + name).upper()


def _lineage(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> list[ast.ClassDef] | None:
    """Return the class after the classes of the module that it extends; None unless all of them are settings."""
    bases = _bases(node)
    line: list[ast.ClassDef] = []
    is_one = BASE in bases
    for base in bases:
        if base in classes and classes[base] is not node:
            above = _lineage(classes[base], classes)
            is_one = is_one or above is not None
            line += above or []
    return [*line, node] if is_one else None


def _bases(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(one).rpartition(".")[2] for one in node.bases]


def _configuration(node: ast.ClassDef) -> dict[str, str] | None:
    """Return the plain texts of model_config, or of the class Config; None where a prefix is no plain text."""
    found: dict[str, ast.expr] = {}
    for one in node.body:
        if isinstance(one, ast.ClassDef) and one.name == "Config":
            found |= {name: value for name, value in _assigned(one) if value is not None}
        for name, value in _assigned_in([one]):
            if name == "model_config" and isinstance(value, ast.Call):
                found |= {word.arg: word.value for word in value.keywords if word.arg}
            elif name == "model_config" and isinstance(value, ast.Dict):
                pairs = zip(value.keys, value.values, strict=True)
                found |= {str(key.value): part for key, part in pairs if isinstance(key, ast.Constant)}
    prefix = found.get("env_prefix")
    if prefix is None:
        return {}
    return {"env_prefix": prefix.value} if isinstance(prefix, ast.Constant) and isinstance(prefix.value, str) else None


def _assigned(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr | None]]:
    yield from _assigned_in(node.body)


def _assigned_in(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr | None]]:
    for one in body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            yield one.target.id, one.value
        elif isinstance(one, ast.Assign):
            yield from ((target.id, one.value) for target in one.targets if isinstance(target, ast.Name))


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str | None]]:
    """Yield name and alias ("" for none) of each field; None in the alias's place for one that has a default."""
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and not one.target.id.startswith("_"):
            optional = re.search(r"\bClassVar\b|\bOptional\b|\bNone\b", ast.unparse(one.annotation))
            value = one.value or _annotation(one.annotation)
            yield one.target.id, None if optional or one.target.id == "model_config" else _alias(value)
        elif isinstance(one, ast.Assign):
            yield from ((target.id, None) for target in one.targets if isinstance(target, ast.Name))


def _annotation(annotation: ast.expr) -> ast.expr | None:
    """Return the Field in `Annotated[…, Field(…)]`, None for no such annotation."""
    if not isinstance(annotation, ast.Subscript) or ast.unparse(annotation.value).rpartition(".")[2] != "Annotated":
        return None
    parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else []
    fields = (one for one in parts[1:] if isinstance(one, ast.Call))
    return next((one for one in fields if ast.unparse(one.func).rpartition(".")[2] == "Field"), None)


def _alias(value: ast.expr | None) -> str | None:
    """Return the alias of a field with this value, "" for none; None where it has a default, or several names."""
    if value is None or _is_ellipsis(value):
        return ""
    if not isinstance(value, ast.Call) or ast.unparse(value.func).rpartition(".")[2] != "Field":
        return None
    words = {word.arg: word.value for word in value.keywords}
    default = value.args[0] if value.args else words.get("default")
    if None in words or "default_factory" in words or not (default is None or _is_ellipsis(default)):
        return None
    alias = words.get("validation_alias", words.get("alias", words.get("env")))
    if alias is None:
        return ""
    return alias.value if isinstance(alias, ast.Constant) and isinstance(alias.value, str) else None


def _is_ellipsis(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is ...

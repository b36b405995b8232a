"""What setup.py and setup.cfg say of a package, as far as it is written there. Pure: nothing of them is run.

setup.py is a program. What it has as plain values is read: a list, a name that a list was given to, or the lines of a
requirements file that it reads.
"""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Callable, Mapping
from typing import Any

Table = Mapping[str, Any]
_REQUIREMENTS = re.compile(r"[\w./-]*requirements[\w./-]*\.(?:txt|in)")


def read_setup(read: Callable[[str], str | None]) -> dict[str, Any] | None:
    """Return `[project]` as pyproject.toml would have it, from setup.cfg and setup.py; None where there is neither.

    `read` gives the text of a file of the package's folder, or None. "dependencies" is missing where they are there and
    cannot be read; "packages-from" is the folder that modules are in.
    """
    script, configured = read("setup.py"), _configured(read("setup.cfg") or "")
    if script is None and not configured:
        return None
    found = {**configured, **_called(script or "", read)}
    if found.pop("unreadable", False):
        found.pop("dependencies", None)
    else:
        found.setdefault("dependencies", [])
    return found


def _configured(text: str) -> dict[str, Any]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}

    def get(section: str, key: str) -> str:
        return parser.get(section, key, fallback="").strip()

    found: dict[str, Any] = {}
    for name, section, key in (("name", "metadata", "name"), ("version", "metadata", "version")):
        if (value := get(section, key)) and not value.startswith(("attr:", "file:")):
            found[name] = value
    if requires := get("options", "python_requires"):
        found["requires-python"] = requires
    if needed := get("options", "install_requires"):
        found |= {"unreadable": True} if needed.startswith("file:") else {"dependencies": _listed(needed)}
    if extras := _section(parser, "options.extras_require"):
        found["optional-dependencies"] = {name: _listed(value) for name, value in extras.items()}
    for line in _section(parser, "options.entry_points").get("console_scripts", "").splitlines():
        name, equals, target = line.partition("=")
        if equals:
            found.setdefault("scripts", {})[name.strip()] = target.strip()
    where = get("options.packages.find", "where") or get("options", "package_dir").partition("=")[2].strip()
    return {**found, **({"packages-from": where} if where else {})}


def _section(parser: configparser.RawConfigParser, name: str) -> dict[str, str]:
    return dict(parser.items(name)) if parser.has_section(name) else {}


def _listed(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def _called(text: str, read: Callable[[str], str | None]) -> dict[str, Any]:
    """Return what the call of `setup(…)` in a setup.py has as plain values."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return {"unreadable": True}
    assigned = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    call = next((one for one in ast.walk(tree) if isinstance(one, ast.Call) and _name(one.func) == "setup"), None)
    given = {one.arg: one.value for one in call.keywords if one.arg} if call else {}

    def value(key: str) -> Any:
        return _value(given[key], assigned) if key in given else None

    found: dict[str, Any] = {}
    for key, name in (("name", "name"), ("version", "version"), ("python_requires", "requires-python")):
        if isinstance(value(key), str):
            found[name] = value(key)
    if call and any(one.arg is None for one in call.keywords):
        found["unreadable"] = True
    elif "install_requires" in given:
        lines = _lines(value("install_requires"))
        lines = _from_file(text, read) if lines is None else lines
        found |= {"unreadable": True} if lines is None else {"dependencies": lines}
    extras = value("extras_require")
    if isinstance(extras, dict):
        found["optional-dependencies"] = {str(name): _lines(one) or [] for name, one in extras.items()}
    points, folders = value("entry_points"), value("package_dir")
    scripts = (_lines(points.get("console_scripts")) or []) if isinstance(points, dict) else []
    pairs = (line.partition("=") for line in scripts)
    found |= {"scripts": {name.strip(): target.strip() for name, _, target in pairs}} if scripts else {}
    where = folders.get("") if isinstance(folders, dict) else None
    return {**found, **({"packages-from": where} if isinstance(where, str) else {})}


def _lines(value: object) -> list[str] | None:
    if isinstance(value, str):
        return _listed(value)
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return [str(one) for one in value]
    return None


def _value(node: ast.expr, assigned: Mapping[str, ast.expr]) -> object:
    """Return the plain value of an expression, or of what its name was given; None for any other."""
    node = assigned.get(node.id, node) if isinstance(node, ast.Name) else node
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _from_file(text: str, read: Callable[[str], str | None]) -> list[str] | None:
    """Return the lines of the one requirements file that a setup.py names; None where it names none or several."""
    named = sorted(set(_REQUIREMENTS.findall(text)))
    content = read(named[0]) if len(named) == 1 else None
    return None if content is None else [line for line in _listed(content) if not line.startswith("-")]


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""

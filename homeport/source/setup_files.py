"""What setup.py and setup.cfg say about a package, as far as it is written there. Pure: neither is run.

setup.py is a program. Its plain values are read (setup_script.py); values that only code would make are reported.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from typing import Any

from homeport.source.setup_lines import Unreadable, listed, requirement_lines, with_markers
from homeport.source.setup_script import Read, SetupCall, read_call

# Under this key of what was read: why the dependencies, or an extra, cannot be.
UNREADABLE = "unreadable"


def read_setup(read: Read) -> dict[str, Any] | None:
    """Return `[project]` as pyproject.toml would have it, from setup.cfg and setup.py; None where there is neither.

    `read` gives the text of a file of the package's folder, or None. "dependencies" is missing where they are there and
    cannot be read, and "optional-dependencies" is dynamic where those cannot; UNREADABLE says why. "packages-from" is
    the folder that modules are in.
    """
    script, found = read("setup.py"), _configured(read("setup.cfg") or "")
    if script is None and not found:
        return None
    if script is not None:
        try:
            found = _with_script(found, read_call(script), read)
        except Unreadable as error:
            found = {**found, UNREADABLE: str(error), "dynamic": ["dependencies", "optional-dependencies"]}
    dynamic = found.get("dynamic", ())
    return {
        **{key: value for key, value in found.items() if key not in dynamic},
        **({} if "dependencies" in dynamic else {"dependencies": found.get("dependencies", [])}),
    }


class _Parser(configparser.RawConfigParser):
    """Reads setup.cfg as setuptools does: a key may be written with dashes."""

    def optionxform(self, optionstr: str) -> str:
        """Return a key as it is compared."""
        return optionstr.lower().replace("-", "_")


def _configured(text: str) -> dict[str, Any]:
    parser = _Parser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        why = f"its setup.cfg cannot be read: {' '.join(str(error).split())}"
        return {UNREADABLE: why, "dynamic": ["dependencies", "optional-dependencies"]}

    def get(section: str, key: str) -> str:
        return parser.get(section, key, fallback="").strip()

    found: dict[str, Any] = {}
    for name, section, key in (("name", "metadata", "name"), ("version", "metadata", "version")):
        if (value := get(section, key)) and not value.startswith(("attr:", "file:")):
            found[name] = value
    if requires := get("options", "python_requires"):
        found["requires-python"] = requires
    needed, extras = parser.get("options", "install_requires", fallback=""), _section(parser, "options.extras_require")
    if needed.strip().startswith("file:"):
        found |= _dynamic("dependencies", "its setup.cfg reads install_requires from a file")
    elif needed:
        found["dependencies"] = _lines(needed)
    if any(value.strip().startswith("file:") for value in extras.values()):
        found |= _dynamic("optional-dependencies", "its setup.cfg reads extras_require from a file", found)
    elif extras:
        found["optional-dependencies"] = {name: _lines(value) for name, value in extras.items()}
    for line in _section(parser, "options.entry_points").get("console_scripts", "").splitlines():
        name, equals, target = line.partition("=")
        if equals:
            found.setdefault("scripts", {})[name.strip()] = target.strip()
    where = get("options.packages.find", "where") or get("options", "package_dir").partition("=")[2].strip()
    return {**found, **({"packages-from": where} if where else {})}


def _lines(value: str) -> list[str]:
    """Return a list of setup.cfg's: a value in one line has semicolons between its parts."""
    return listed(value if "\n" in value else value.replace(";", "\n"))


def _dynamic(key: str, why: str, found: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what marks the list `key` as one that cannot be read, besides those that are `found` to be so."""
    before = found or {}
    return {"dynamic": [*before.get("dynamic", ()), key], UNREADABLE: before.get(UNREADABLE, why)}


def _section(parser: configparser.RawConfigParser, name: str) -> dict[str, str]:
    return dict(parser.items(name)) if parser.has_section(name) else {}


def _with_script(found: dict[str, Any], call: SetupCall, read: Read) -> dict[str, Any]:
    """Return what setup.cfg has, and the arguments of `setup(…)`, which count more."""
    found = dict(found)
    for key, name in (("name", "name"), ("version", "version"), ("python_requires", "requires-python")):
        if (text := call.text(key)) is not None:
            found[name] = text
    if call.open_ended:
        raise Unreadable("its setup.py spreads a table (**) among the arguments of setup(…)")
    try:
        # setuptools takes an empty list for one that is not there, and then that of setup.cfg.
        found |= {"dependencies": lines} if (lines := call.lines("install_requires", read)) else {}
    except Unreadable as error:
        found |= _dynamic("dependencies", str(error), found)
    try:
        found = _with_extras(found, call.value("extras_require"))
    except Unreadable as error:
        found |= _dynamic("optional-dependencies", str(error), found)
    scripts, folders = _scripts(call), call.plain("package_dir")
    found |= {"scripts": scripts} if scripts else {}
    where = folders.get("") if isinstance(folders, dict) else None
    return {**found, **({"packages-from": where} if isinstance(where, str) else {})}


def _with_extras(found: dict[str, Any], extras: object) -> dict[str, Any]:
    """Return what was found with setup.py's `extras`; raise Unreadable when they are no table of lists."""
    if not extras:
        return found
    if not isinstance(extras, dict):
        raise Unreadable("its setup.py has extras_require that is not a table")
    named = with_markers({str(name): requirement_lines(lines, "extras_require") for name, lines in extras.items()})
    always = named.pop("", [])
    needed = {"dependencies": [*found.get("dependencies", ()), *always]} if always else {}
    return {**found, **needed, "optional-dependencies": named}


def _scripts(call: SetupCall) -> dict[str, str]:
    points = call.plain("entry_points")
    lines = points.get("console_scripts") if isinstance(points, dict) else None
    try:
        pairs = [line.partition("=") for line in requirement_lines(lines or [], "console_scripts")]
    except Unreadable:
        return {}
    return {name.strip(): target.strip() for name, _, target in pairs}

"""The application as a package of its own: where its code is imported from, and what an installation would add. Pure.

`fastapi run` puts the application's code on the import path for itself alone; a migration, a process, a timer, a hook
and `homeport run` find it by these folders. Releases share a virtual environment, but not an application's code, so the
project is not installed into it: name, version, requirements, entry points and commands lie in the release, in the
folder `.homeport`, as an editable installation would have them. No build backend is run: it may need a network, a
working copy of git or a folder that it can write to.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from homeport.source.requirements import normalized
from homeport.source.tree_contents import OWN_FOLDER, folders

PACKAGES, COMMANDS = f"{OWN_FOLDER}/packages", f"{OWN_FOLDER}/bin"
Table = Mapping[str, Any]
# Backends that compile: their result cannot be imported from the source.
COMPILERS = ("maturin", "scikit_build_core", "mesonpy", "setuptools_rust", "py_build_cmake", "enscons")
# A folder that needs no quoting in a variable of colon-separated folders, and in a line of a unit.
_PLAIN = re.compile(r"[A-Za-z0-9._/-]+")
_COMMAND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TARGET = re.compile(r"(?P<module>[A-Za-z_][\w.]*)\s*:\s*(?P<object>[A-Za-z_][\w.]*)")
_ASSIGNED = re.compile(r"""^(?:__version__|VERSION|version)\s*(?::[^=\n]+)?=\s*['"]([^'"\n]+)['"]""", re.MULTILINE)
# `'''exec'` is a command to a shell and a text to Python; so the file needs no path of one machine in its first line.
_SCRIPT = """\
#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/../../.venv/bin/python" "$0" "$@"
' '''
import sys
from {module} import {first}
if __name__ == "__main__":
    sys.exit({object}())
"""


@dataclass(frozen=True)
class OwnFile:
    """A file that a release has besides those of git: its path, text, and whether it may be executed."""

    path: str
    text: str
    executable: bool = False


@dataclass(frozen=True)
class OwnPackage:
    """Folders for the end of the import path (relative to the release, "" for itself), files, remarks."""

    import_folders: tuple[str, ...] = ("",)
    files: tuple[OwnFile, ...] = ()
    warnings: tuple[str, ...] = ()


def own_package(
    files: Set[str], pyproject: Table, read: Callable[[str], str | None], *, tree: str, imported_from: str = ""
) -> OwnPackage:
    """Return what belongs to the application with these `files` and this pyproject.toml.

    `tree` stands in a version that only a build would know; `imported_from` is the folder that the server imports
    the application from.
    """
    roots = dict.fromkeys((imported_from, *_configured(pyproject), *_source_folder(files)))
    present = folders(files)
    chosen = [*(root for root in roots if root in present and _PLAIN.fullmatch(root)), ""]
    project = _project(pyproject)
    if not project.get("name") or _table(pyproject, "tool", "uv").get("package") is False:
        return OwnPackage(tuple(chosen))
    version = _version(project, pyproject, files, read) or f"0.0.0+{tree[:12]}"
    made = (*_metadata(project, version), *_commands(_entries(project.get("scripts"))))
    return OwnPackage((PACKAGES, *chosen), made, tuple(_warnings(pyproject, files, read)))


def _project(pyproject: Table) -> Table:
    """Return what is said of the project: `[project]` (PEP 621), completed by Poetry's own table."""
    poetry = _table(pyproject, "tool", "poetry")
    entry_points = _table(pyproject, "tool", "poetry", "plugins")
    old = {name: poetry[name] for name in ("name", "version", "scripts") if name in poetry}
    return {**old, **({"entry-points": entry_points} if entry_points else {}), **_table(pyproject, "project")}


def _source_folder(files: Set[str]) -> tuple[str, ...]:
    return ("src",) if "src/__init__.py" not in files else ()


def _configured(pyproject: Table) -> Iterator[str]:
    """Yield the folders that a build backend is told to take packages from."""
    wheel = _table(pyproject, "tool", "hatch", "build", "targets", "wheel")
    yield from (posixpath.dirname(path.rstrip("/")) for path in _texts(wheel.get("packages")))
    for sources in (wheel.get("sources"), _table(pyproject, "tool", "hatch", "build").get("sources")):
        yield from (folder.rstrip("/") for folder in _texts(list(sources) if isinstance(sources, Mapping) else sources))
    yield from _texts([_table(pyproject, "tool", "uv", "build-backend").get("module-root")])
    setuptools = _table(pyproject, "tool", "setuptools")
    yield from _texts([_table(pyproject, "tool", "setuptools", "package-dir").get("")])
    packages = setuptools.get("packages")
    yield from _texts(_table({"packages": packages}, "packages", "find").get("where"))
    packages = _table(pyproject, "tool", "poetry").get("packages")
    for package in packages if isinstance(packages, list) else ():
        yield from _texts([package.get("from")] if isinstance(package, Mapping) else [])
    yield from _texts([_table(pyproject, "tool", "pdm", "build").get("package-dir")])


def _metadata(project: Table, version: str) -> Iterator[OwnFile]:
    """Yield the files of a `.dist-info` folder (PEP 376, core metadata 2.1)."""
    name = normalized(str(project["name"]))
    folder = f"{PACKAGES}/{name.replace('-', '_')}-{version.replace('-', '_')}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if isinstance(project.get("requires-python"), str):
        lines.append(f"Requires-Python: {project['requires-python']}")
    lines += [f"Requires-Dist: {line}" for line in _texts(project.get("dependencies"))]
    yield OwnFile(f"{folder}/METADATA", "".join(f"{' '.join(line.split())}\n" for line in lines))
    yield OwnFile(f"{folder}/INSTALLER", "homeport\n")
    groups = {
        "console_scripts": _entries(project.get("scripts")),
        "gui_scripts": _entries(project.get("gui-scripts")),
        **{str(group): _entries(one) for group, one in _table(project, "entry-points").items()},
    }
    sections = [
        f"[{group}]\n" + "".join(f"{n} = {t}\n" for n, t in found.items()) for group, found in groups.items() if found
    ]
    if sections:
        yield OwnFile(f"{folder}/entry_points.txt", "\n".join(sections))


def _commands(scripts: Mapping[str, str]) -> Iterator[OwnFile]:
    for name, target in scripts.items():
        found = _TARGET.match(target)
        if found and _COMMAND.fullmatch(name):
            words = {"module": found["module"], "object": found["object"], "first": found["object"].split(".")[0]}
            yield OwnFile(f"{COMMANDS}/{name}", _SCRIPT.format(**words), executable=True)


def _version(project: Table, pyproject: Table, files: Set[str], read: Callable[[str], str | None]) -> str | None:
    """Return the project's version: as it is written, or read from the file where its backend looks for it."""
    if isinstance(project.get("version"), str) and project["version"].strip():
        return str(project["version"]).strip()
    dynamic = _table(pyproject, "tool", "setuptools", "dynamic", "version")
    paths = [_table(pyproject, "tool", tool, "version").get("path") for tool in ("hatch", "pdm")]
    paths += [dynamic.get("file"), *_modules(str(dynamic.get("attr", "")).rpartition(".")[0])]
    paths += _modules(normalized(str(project["name"])).replace("-", "_"))
    for path in _texts([one[0] if isinstance(one, list) and one else one for one in paths]):
        text = (read(path) or "") if path in files else ""
        found = _ASSIGNED.search(text)
        if found or (text and not path.endswith(".py")):
            return found[1] if found else (text.split() or [""])[0]
    return None


def _modules(name: str) -> list[str]:
    path = name.replace(".", "/")
    return [f"{start}{path}{end}" for start in ("", "src/") for end in (".py", "/__init__.py")] if path else []


def _warnings(pyproject: Table, files: Set[str], read: Callable[[str], str | None]) -> Iterator[str]:
    backend = str(_table(pyproject, "build-system").get("build-backend", ""))
    setup = (read("setup.py") or "") if "setup.py" in files else ""
    extensions = "ext_modules" in setup or _table(pyproject, "tool", "setuptools").get("ext-modules")
    if backend.startswith(COMPILERS) or extensions:
        yield (
            "the application's own package has compiled parts, and it is not built on the host: commit a wheel of "
            "them, or take them from a package index"
        )


def _entries(value: object) -> dict[str, str]:
    """Return entry points by name; Poetry has some as tables."""
    found = value if isinstance(value, Mapping) else {}
    plain = {str(name): one.get("reference") if isinstance(one, Mapping) else one for name, one in found.items()}
    return {name: one for name, one in plain.items() if isinstance(one, str) and "\n" not in f"{name}{one}"}


def _texts(value: object) -> list[str]:
    found = [value] if isinstance(value, str) else value
    return [one.removeprefix("./") for one in found if isinstance(one, str)] if isinstance(found, list | tuple) else []


def _table(data: Table, *names: str) -> Table:
    for name in names:
        found = data.get(name)
        if not isinstance(found, Mapping):
            return {}
        data = found
    return data

"""What a user writes into TOML and JSON may be of any type: it is taken, or refused in one line, and never a traceback.

Each value of some projects is replaced by values of every other type.
"""

from __future__ import annotations

import copy
import json
import tomllib
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homeport.errors import UsageError
from homeport.scaffold.needs import find_needs
from homeport.scaffold.python_version import find_python
from homeport.scaffold.remarks import remarks
from homeport.source.application import Application
from homeport.source.dependencies import decide_dependencies
from homeport.source.dependency_options import DependencyOptions
from homeport.source.exports import python_required
from homeport.source.local_packages import own_packages, read_package, with_setup
from homeport.source.own_package import own_package
from homeport.source.repository_view import RepositoryView
from homeport.source.uv_lock import read_toml, table
from homeport.source.workspace import find_workspace

OTHERS = (1, "x", [1], [{"x": 1}], {"x": 1})
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["fastapi[standard]>=0.115", "near", "far"]
dynamic = []
[project.optional-dependencies]
fast = ["h11"]
[project.scripts]
shop = "shop:main"
[project.entry-points.plugins]
one = "shop:one"
[dependency-groups]
web = ["idna", { include-group = "more" }]
more = ["anyio"]
[tool.uv]
package = true
default-groups = ["dev"]
dev-dependencies = ["pytest"]
[tool.uv.sources]
near = { path = "libs/near" }
far = [{ git = "https://example.com/far", rev = "a", subdirectory = "s" }]
[tool.uv.build-backend]
module-root = "src"
[tool.uv.workspace]
members = ["libs/*"]
exclude = ["libs/out"]
[tool.hatch.build]
sources = ["src"]
[tool.hatch.build.targets.wheel]
packages = ["src/shop"]
[tool.hatch.version]
path = "shop.py"
[tool.pdm.build]
package-dir = "src"
[tool.setuptools]
ext-modules = []
package-dir = { "" = "src" }
packages = { find = { where = ["src"] } }
[tool.setuptools.dynamic]
version = { attr = "shop.__version__" }
[tool.fastapi]
entrypoint = "shop:app"
"""
POETRY = """
[tool.poetry]
name = "shop"
version = "1"
packages = [{ include = "shop", from = "src" }]
[tool.poetry.dependencies]
python = "^3.11"
fastapi = { version = "^0.115", extras = ["standard"] }
near = { path = "libs/near" }
[tool.poetry.scripts]
shop = "shop:main"
old = { reference = "shop:main", type = "console" }
[tool.poetry.plugins.group]
one = "shop:one"
[tool.poetry.extras]
fast = ["h11"]
"""
POETRY_LOCK = """
[[package]]
name = "fastapi-cli"
version = "0.0.34"
optional = false
groups = ["main"]
files = [{ file = "a.whl", hash = "sha256:0" }]
[[package]]
name = "near"
version = "1"
[package.source]
type = "directory"
url = "libs/near"
[[package]]
name = "tiny"
version = "1"
files = [{ file = "tiny.whl", hash = "sha256:0" }]
[package.source]
type = "file"
url = "tiny.whl"
"""
UV_LOCK = """
version = 1
requires-python = ">=3.11"
[[package]]
name = "shop"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "fastapi-cli", extra = ["x"] }, { name = "near" }, { name = "far" }]
[package.optional-dependencies]
fast = [{ name = "h11" }]
[package.dev-dependencies]
web = [{ name = "idna" }]
[package.metadata]
requires-dist = [
    { name = "fastapi", extras = ["standard"], specifier = ">=0.115" }, { name = "near", directory = "libs/near" },
    { name = "far", git = "https://example.com/far" }, { name = "h11", marker = "extra == 'fast'" },
]
[package.metadata.requires-dev]
web = [{ name = "idna" }, { name = "anyio" }]
more = [{ name = "anyio" }]
dev = [{ name = "pytest" }]
[[package]]
name = "near"
version = "1"
source = { editable = "libs/near" }
[[package]]
name = "fastapi-cli"
version = "0.0.34"
source = { registry = "https://example.com/simple" }
[package.optional-dependencies]
x = [{ name = "h11" }]
"""
PIPFILE_LOCK = {
    "default": {
        "fastapi-cli": {"version": "==0.0.34", "hashes": ["sha256:0"]},
        "near": {"path": "libs/near", "editable": True},
        "tiny": {"file": "tiny.whl", "hashes": ["sha256:0"]},
    }
}
NEAR = '[project]\nname = "near"\nversion = "1"\n'
EDITABLE = "fastapi-cli==0.0.34\n-e .[fast]\n"
BASE = {"shop.py": "app = 1\n", "libs/near/pyproject.toml": NEAR, "tiny.whl": ""}
# Files of projects, and which of them has its values replaced.
PROJECTS: dict[str, tuple[str, dict[str, str]]] = {
    "pyproject alone": ("pyproject.toml", {"pyproject.toml": PROJECT.replace("libs/near", "near")}),
    "editable": ("pyproject.toml", {"pyproject.toml": PROJECT, "requirements.txt": EDITABLE}),
    "library": (
        "libs/near/pyproject.toml",
        {
            "libs/near/pyproject.toml": PROJECT.replace('"libs/near"', '"."').replace('"shop"', '"near"'),
            "requirements.txt": "fastapi-cli==0.0.34\n-e libs/near[fast]\n",
        },
    ),
    "uv project": ("pyproject.toml", {"pyproject.toml": PROJECT, "uv.lock": UV_LOCK}),
    "uv lock": ("uv.lock", {"pyproject.toml": PROJECT, "uv.lock": UV_LOCK}),
    "workspace": ("uv.lock", {"api/pyproject.toml": PROJECT, "uv.lock": UV_LOCK.replace('"."', '"api"')}),
    "poetry": ("pyproject.toml", {"pyproject.toml": POETRY}),
    "poetry project": ("pyproject.toml", {"pyproject.toml": POETRY, "poetry.lock": POETRY_LOCK}),
    "poetry lock": ("poetry.lock", {"pyproject.toml": POETRY, "poetry.lock": POETRY_LOCK}),
    "two tables": (
        "pyproject.toml",
        {
            "pyproject.toml": PROJECT.replace("[tool.uv.sources]", "[tool.poetry.dependencies]"),
            "requirements.txt": EDITABLE,
        },
    ),
    "pipenv": ("Pipfile.lock", {"Pipfile.lock": json.dumps(PIPFILE_LOCK)}),
}


def replaced(value: Any) -> Iterator[Any]:
    """Yield a document with one of its values replaced, for each value and each other type."""
    yield from OTHERS
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for one in replaced(value[key]):
            other = copy.copy(value)
            other[key] = one
            yield other


def as_toml(value: Any, *, top: bool = False) -> str:
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key)} = {as_toml(one)}" for key, one in value.items()]
        return "\n".join(pairs) if top else f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    return json.dumps(value)


def look_at(files: dict[str, str], folder: str) -> None:
    """Do what a deploy, and init, do with the files before a host is looked at."""
    start = f"{folder}/" if folder else ""
    own = {name.removeprefix(start): text for name, text in files.items() if name.startswith(start)}

    def below(path: str) -> frozenset[str]:
        return frozenset(one.removeprefix(f"{path}/" if path else "") for one in files if one.startswith(path))

    view = RepositoryView(folder, files.get, below)
    plain = "requirements.txt" in own
    options = DependencyOptions() if plain else DependencyOptions(extras=("fast",), groups=("web",))
    workspace = find_workspace(folder, files.get) if folder else None
    found = decide_dependencies(Application(frozenset(own), own.get, "0" * 40, "here", workspace, view), options)
    package = read_package(".", view)
    own_package(frozenset(own), with_setup(package) if package else {}, own.get, tree="0" * 40)
    own_packages(found.packages, view, {})


def init_looks_at(files: dict[str, str]) -> None:
    def read(path: str) -> str:
        return files.get(path, "")

    find_needs(frozenset(files), read)
    pyproject = read_toml("pyproject.toml", read("pyproject.toml"))
    project, poetry = (table("pyproject.toml", pyproject, *names) for names in (("project",), ("tool", "poetry")))
    find_python("", str(project.get("requires-python", "")) or python_required(poetry))
    remarks(frozenset(files), read, "")


@pytest.mark.parametrize("name", PROJECTS)
def test_a_value_of_another_type_is_taken_or_refused_in_one_line(name: str) -> None:
    path, more = PROJECTS[name]
    files = {**BASE, **more}
    is_json = path == "Pipfile.lock"
    document = json.loads(files[path]) if is_json else tomllib.loads(files[path])
    folder = "api" if name == "workspace" else ""
    look_at(files, folder)
    wrong, count = {}, 0
    for other in replaced(document):
        if not is_json and not isinstance(other, dict):
            continue
        text = json.dumps(other) if is_json else as_toml(other, top=True)
        changed, count = {**files, path: text}, count + 1
        for look in (lambda: look_at(changed, folder), lambda: init_looks_at(changed)):  # noqa: B023
            if said := complaint(look):
                wrong[said] = text
    assert wrong == {}
    assert count > len(OTHERS)


def complaint(look: Callable[[], None]) -> str:
    """Return what is wrong with the way in which files are refused, "" for nothing."""
    try:
        look()
    except UsageError as error:
        return "several lines" if "\n" in str(error) else ""
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
    return ""

"""Where an application's folder and its entry point are, among the files of a repository. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Set

from homeport.errors import UsageError
from homeport.settings.server import Server
from homeport.source.code import Code
from homeport.source.entrypoint import VARIABLE
from homeport.source.tree_contents import some

# Files that say what an application needs; the folder that has one is an application's root.
DEPENDENCIES = ("uv.lock", "requirements.txt", "pyproject.toml", "Pipfile")
# Folders of code that is not the application.
ELSEWHERE = re.compile(
    r"(^|/)(tests?|testing|docs?|docs_src|examples?|samples?|scripts|benchmarks?|node_modules|site-packages|venv|"
    r"migrations|alembic|\.[^/]*)/|(^|/)(test_[^/]*|[^/]*_test|conftest|setup|noxfile)\.py$"
)
# The order in which `fastapi run` itself looks (fastapi_cli.discover, 0.0.34), and then how people call theirs.
USUAL = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py")
NAMES = ("main.py", "app.py", "api.py", "asgi.py", "server.py", "application.py", "__init__.py")
# Names that `fastapi run` takes for the application without being told.
UNDERSTOOD = ("app", "api")
Candidate = tuple[str, str]


def is_application_code(path: str) -> bool:
    """Tell whether a file may be a part of the application: Python, and no test, document or example."""
    return path.endswith(".py") and not ELSEWHERE.search(path)


def find_folder(files: Set[str], modules: Mapping[str, Code]) -> str:
    """Return the folder of the application among `files`, "" for their root; `modules` are what its code says.

    That is the nearest folder with dependencies above an application. Raises UsageError when there are several.
    """
    found = {_root_of(path, files) for path, code in modules.items() if code.applications}
    found = found or {_root_of(path, files) for path, code in modules.items() if code.made}
    found = found or {_root_of(path, files) for path, code in modules.items() if code.factories}
    if not found:
        raise UsageError(
            "no module here creates a FastAPI application", key="PATH", fix="name its folder: homeport init PATH"
        )
    if "" in found or len(found) == 1:
        return "" if "" in found else found.pop()
    fix = f"name one, as in: homeport init {min(found)}"
    raise UsageError(f"there are several applications: {some(sorted(found), 5)}", key="PATH", fix=fix)


def _root_of(path: str, files: Set[str]) -> str:
    folder = posixpath.dirname(path)
    while folder and not any(posixpath.join(folder, name) in files for name in DEPENDENCIES):
        folder = posixpath.dirname(folder)
    return folder


def find_entrypoint(modules: Mapping[str, Code], server: Server = "fastapi") -> str:
    """Return the `app_entrypoint` of the application with these modules, by their paths below its folder, for `server`.

    Raises UsageError when nothing makes an application, and when two would do equally well.
    """
    found = [(path, _best(code.applications)) for path, code in modules.items() if code.applications]
    found = found or [(path, _best(code.made)) for path, code in modules.items() if code.made]
    found = found or [(path, f"{code.factories[0]}()") for path, code in modules.items() if code.factories]
    ranked = sorted(found, key=_rank)
    if not ranked:
        raise _error("no module here creates a FastAPI application", "name it: --entrypoint module:app")
    first = ranked[0]
    equals = [path for path, variable in ranked if _rank((path, variable))[:-1] == _rank(first)[:-1]]
    if len(equals) > 1:
        raise _error(f"several modules create an application: {some(equals)}", f"name one: --entrypoint {equals[0]}")
    path, variable = first
    understood = UNDERSTOOD if server == "fastapi" else (VARIABLE,)
    return path if variable in understood else f"{path}:{variable}"


def _best(names: tuple[str, ...]) -> str:
    return next((name for name in (*UNDERSTOOD, "application") if name in names), names[0])


def _rank(candidate: Candidate) -> tuple[int, int, int, str]:
    """Return what puts the likeliest first: the usual places, then little depth, then a usual name."""
    path = candidate[0]
    usual = USUAL.index(path) if path in USUAL else len(USUAL)
    name = posixpath.basename(path)
    depth = path.removeprefix("src/").count("/")
    return usual, depth, NAMES.index(name) if name in NAMES else len(NAMES), path


def _error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_entrypoint", fix=fix)

"""Background work that an application's code starts by itself, once in each worker. Pure.

A scheduler in the server's processes runs each job as often as there are workers (FastAPI's guide, "Deployments
Concepts", of steps before the start; APScheduler's FAQ, "How do I share a single job store among one or more worker
processes?"). The modules are parsed and never imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

# Classes and decorators that start something, by the package that they come from.
SCHEDULERS: Mapping[str, frozenset[str]] = {
    "apscheduler": frozenset(
        (
            "BackgroundScheduler",
            "AsyncIOScheduler",
            "AsyncScheduler",
            "Scheduler",
            "TornadoScheduler",
            "GeventScheduler",
        )
    ),
    "fastapi_utils": frozenset(("repeat_every",)),
    "fastapi_utilities": frozenset(("repeat_every", "repeat_at")),
    "fastapi_restful": frozenset(("repeat_every",)),
    "rocketry": frozenset(("Rocketry",)),
    "aiocron": frozenset(("crontab",)),
    "fastapi_crons": frozenset(("Crons",)),
}
NAMES = {"apscheduler": "APScheduler", "rocketry": "Rocketry", "aiocron": "aiocron", "fastapi_crons": "fastapi-crons"}
# Code that is not the server's.
ELSEWHERE = re.compile(
    r"(^|/)(tests?|docs?|examples?|samples?|scripts|migrations|alembic|notebooks|\.[^/]*)/|(^|/)(test_[^/]*|conftest)\.py$"
)


@dataclass(frozen=True)
class BackgroundWork:
    """Where the code starts a scheduler (the module's path, and the line), and what it is called."""

    path: str
    line: int
    name: str

    def warning(self) -> str:
        """Return what to do about it, in one line."""
        return (
            f"{self.path}:{self.line} starts background work ({self.name}) in each worker, so that a job runs once for "
            "each worker: set workers = 1, or start it in a command of its own (processes)"
        )


def background_work(modules: Mapping[str, str], commands: Iterable[str] = ()) -> tuple[BackgroundWork, ...]:
    """Return what the modules (text by path) start; without those that one of the `commands` runs by itself.

    `commands` are those of `processes` and `timers`, which are processes of their own.
    """
    words = {word for command in commands for word in re.split(r"[\s:=]+", command)}
    # `app.jobs.Settings` is a name in the module `app.jobs`.
    words |= {word.rpartition(".")[0] for word in words}
    found: list[BackgroundWork] = []
    for path in sorted(modules):
        text = modules[path]
        named = {path, path.removesuffix(".py").replace("/", "."), path.removesuffix("/__main__.py").replace("/", ".")}
        if not ELSEWHERE.search(path) and not named & words and any(package in text for package in SCHEDULERS):
            found += _of_module(path, text)
    return tuple(found)


def _of_module(path: str, text: str) -> Iterator[BackgroundWork]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    known = dict(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := known.get(_first_and_last(node.func))):
            yield BackgroundWork(path, node.lineno, name)
            return


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield what starts background work under the name that it has in a module, and what it is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            package = node.module.split(".")[0]
            for one in node.names:
                if one.name in SCHEDULERS.get(package, ()):
                    yield one.asname or one.name, NAMES.get(package, one.name)
        elif isinstance(node, ast.Import):
            for one in node.names:
                package = one.name.split(".")[0]
                for name in SCHEDULERS.get(package, ()):
                    yield f"{one.asname or package}.{name}", NAMES.get(package, name)


def _first_and_last(function: ast.expr) -> str:
    """Return the name that is called: its first word and its last, as in `apscheduler.BackgroundScheduler`."""
    words = ast.unparse(function).split(".")
    return words[0] if len(words) == 1 else f"{words[0]}.{words[-1]}"

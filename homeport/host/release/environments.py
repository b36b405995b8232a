"""The Python of a release's virtual environment: is it there, and will it stay? Reads, changes nothing.

An environment has a link to the Python that it was made with, and its packages lie in a folder named after that one's
version. An upgrade of the distribution brings another version, and takes the old one away sooner or later.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

SYSTEM = Path("/usr/bin/python3")


class Python(NamedTuple):
    """`path` is the program that the link leads to, `name` that of the one which the packages are for (`python3.11`).

    `there` says whether the environment can run it, `lasting` whether it will stay.
    """

    path: str
    name: str
    there: bool
    lasting: bool


def python(environment: Path, system: Path = SYSTEM) -> Python | None:
    """Return the Python of an environment; None where there is no link to one. facts/environments.sh has the same rule.

    One that uv has brought stays: nothing of the system's removes it.
    """
    link = environment / "bin/python"
    if not link.is_symlink():
        return None
    real = link.resolve()
    name = next((folder.name for folder in sorted(environment.glob("lib/python3*"))), real.name)
    there = real.exists() and (environment / "lib" / real.name).is_dir()
    is_own = real.parent == system.parent and real.name.startswith("python3")
    return Python(str(real), name, there, not is_own or real == system.resolve())


def refusal(environment: Path, system: Path = SYSTEM) -> str:
    """Return why a release with this environment cannot be started; "" when nothing is wrong with its Python."""
    found = python(environment, system)
    if found is None or found.there:
        return ""
    is_another = Path(found.path).exists()
    problem = (
        f"is {found.name}'s, and leads to {found.path} now" if is_another else f"needs {found.path}, which is gone"
    )
    return f"its environment {problem}; deploy its commit, which makes another one"

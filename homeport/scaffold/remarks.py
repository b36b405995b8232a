"""Remarks on an application's files that a person should know before a first deploy. Pure.

Each is a line: the problem and the fix. They do not stop `init` from writing files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set

from homeport.errors import UsageError
from homeport.scaffold.entrypoint import is_application_code
from homeport.scaffold.needs import Needs, find_needs
from homeport.scaffold.server import find_server

# A SQLite database in a relative place, as SQLAlchemy's URLs have it.
RELATIVE_DATABASE = re.compile(r"sqlite(?:\+\w+)?:///(?!/|:memory:|\{|%)(?:\./)?([\w./-]+)")

# The address of a database in an alembic.ini; Alembic's own template says `driver://`.
ADDRESS = re.compile(r"^sqlalchemy\.url\s*=\s*(?!driver://)[\w+]+://(?:[^@\s/]*@)?([^\s/:]+)", re.MULTILINE)
SETS_ADDRESS = re.compile(
    r"set_(main|section)_option|\[.sqlalchemy\.url.\]\s*=|\bcreate_(async_)?engine\(|\bimport\b.*\bengine\b"
)

# The files that are checked, in this order, and the command that adds a server to each.
FILES = ("uv.lock", "requirements.txt", "poetry.lock", "Pipfile.lock", "pyproject.toml", "setup.py")
FIXES = {
    "uv.lock": "uv add 'fastapi[standard]'",
    "poetry.lock": "poetry add 'fastapi[standard]'",
    "Pipfile.lock": "pipenv install 'fastapi[standard]'",
    "pyproject.toml": "put fastapi[standard] among its dependencies",
}


def remarks(files: Set[str], read: Callable[[str], str], requirements: str = "") -> tuple[str, ...]:
    """Return the remarks on the application with these `files`; `read` gives the text of one, "" for none.

    `requirements` is the file that its dependencies are in, where that is set.
    """
    return (*_dependencies(files, read, requirements), *_databases(files, read), *_migrations(files, read))


def _dependencies(files: Set[str], read: Callable[[str], str], requirements: str) -> Iterator[str]:
    file = requirements or next((name for name in FILES if name in files), "")
    try:
        needs = find_needs(files, read, requirements)
    except UsageError:
        needs = Needs()
    if find_server(files, read, requirements) == "fastapi" and needs.names and "fastapi-cli" not in needs.names:
        yield f"{file} does not install the fastapi command: {FIXES.get(file, f'have {file} say fastapi[standard]')}"
    if file.endswith(".txt") and not any("--hash=" in line for line in read(file).splitlines()):
        yield f"{file} has no hashes: uv pip compile --generate-hashes makes a file with hashes"


def _databases(files: Set[str], read: Callable[[str], str]) -> Iterator[str]:
    for path in sorted(files):
        if not (is_application_code(path) or path.endswith(".ini")):
            continue
        if found := RELATIVE_DATABASE.search(read(path)):
            yield (
                f"{path} names a SQLite database beside the code, which no release may write to: set "
                f'state_paths = ["{found[1]}"], or put it into the folder that the variable STATE_DIRECTORY names'
            )


def _migrations(files: Set[str], read: Callable[[str], str]) -> Iterator[str]:
    """Yield what to do about a migration that goes to the address in alembic.ini, whatever the variables say."""
    for path in sorted(path for path in files if path.rpartition("/")[2] == "alembic.ini"):
        found, folder = ADDRESS.search(read(path)), path.removesuffix("alembic.ini")
        scripts = [read(one) for one in files if one.startswith(folder) and one.rpartition("/")[2] == "env.py"]
        if found and scripts and not any(SETS_ADDRESS.search(text) for text in scripts):
            line = read(path)[: found.start()].count("\n") + 1
            yield (
                f"{path}:{line} says that migrations go to the database on {found[1]}, whatever the variables say: "
                "have env.py set sqlalchemy.url, or name another file in migrate_command (alembic -c FILE upgrade head)"
            )

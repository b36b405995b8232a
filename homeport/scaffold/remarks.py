"""What a person should know before a first deploy, seen in an application's files. Pure.

Each is a line: what is so, and what to do. None of them keeps anything from being written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set

from homeport.scaffold.entrypoint import is_application_code
from homeport.scaffold.server import COMMAND, find_server
from homeport.source.requirements import normalized
from homeport.source.uv_lock import read_lock, read_toml, table

# A SQLite database in a relative place, as SQLAlchemy's URLs have it.
RELATIVE_DATABASE = re.compile(r"sqlite(\+\w+)?:///(?!/|:memory:|\{|%)[\w.]")


def remarks(files: Set[str], read: Callable[[str], str]) -> tuple[str, ...]:
    """Return the remarks on the application with these `files`; `read` gives the text of one, "" for none."""
    return tuple(filter(None, (*_dependencies(files, read), *_databases(files, read))))


def _dependencies(files: Set[str], read: Callable[[str], str]) -> Iterator[str]:
    serves = find_server(files, read) != "fastapi"
    if {"uv.lock", "pyproject.toml"} <= files:
        if not serves and "fastapi-cli" not in read_lock("uv.lock", read("uv.lock")).installed:
            yield "uv.lock does not bring the fastapi command: uv add 'fastapi[standard]'"
    elif "requirements.txt" in files:
        lines = [line.strip() for line in read("requirements.txt").splitlines()]
        if not serves and not any(COMMAND.match(line) or line.startswith(("-r", "--requirement")) for line in lines):
            yield "requirements.txt does not bring the fastapi command: have it say fastapi[standard]"
        if not any("--hash=" in line for line in lines):
            yield "requirements.txt has no hashes: uv pip compile --generate-hashes makes one that has"
    elif "pyproject.toml" in files:
        project = table("pyproject.toml", read_toml("pyproject.toml", read("pyproject.toml")), "project")
        needed = [str(line) for line in project.get("dependencies", [])]
        if "poetry.lock" in files:
            yield "poetry.lock is not read: write a requirements.txt with poetry export, and commit it"
        elif not serves and not any(COMMAND.match(line) or normalized(line) == "fastapi-cli" for line in needed):
            yield "pyproject.toml does not bring the fastapi command: have its dependencies say fastapi[standard]"


def _databases(files: Set[str], read: Callable[[str], str]) -> Iterator[str]:
    for path in sorted(files):
        if (is_application_code(path) or path.endswith(".ini")) and RELATIVE_DATABASE.search(read(path)):
            yield (
                f"{path} names a SQLite database beside the code, which no release may write to: put it into the "
                "folder that the variable STATE_DIRECTORY names"
            )

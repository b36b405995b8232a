"""Before `make demo` and `make test` set anything up: which way this computer allows, and what is missing for it.

Run by the Makefile with the system's Python, before there is an environment: standard library only. What is missing is
installed in one go where that is possible; otherwise one line names all of it and the command that installs it.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from homeport.errors import HomeportError, LabError
from homeport.lab import names, ports, sources, ways
from homeport.lab.machine import progress, require_commands
from homeport.lab.model import LabDirectory

USAGE = "usage: python -m homeport.lab.ready (python | demo | test | way)"
# Programs that the demonstration and the tests call besides the lab's own commands.
CALLED = ("curl", "git")


def main(purpose: str) -> int:
    """Make ready for a purpose, or print the way's name; return 0, or 1 after one line that says what is missing."""
    try:
        if purpose == "python":
            require_commands(packages=_python_packages())
        elif purpose == "way":
            print(_way().name)
        elif purpose in ("demo", "test"):
            _prepare(purpose)
        else:
            print(USAGE, file=sys.stderr)
            return 2
    except HomeportError as error:
        hint = "; 'make test-fast' runs the tests that need no machine" if purpose == "test" else ""
        print(f"error: {error}{hint}", file=sys.stderr)
        return error.exit_status
    return 0


def _prepare(purpose: str) -> None:
    """Tell the way, and see to it that everything is there that it takes."""
    way, problems, packages = _way(), [], _python_packages()
    progress(f"{way.line()}.")
    try:
        packages += _keyring_packages(sources.read("bookworm"))
    except LabError as error:
        problems.append(str(error))
    try:
        if way.loopback:
            # The demonstration goes on with its own lab; the tests have one of theirs.
            own = names.lab_id(LabDirectory.default().path)
            ports.without_bridge(own if purpose == "demo" else ports.ANY_LAB)
    except LabError as error:
        problems.append(str(error))
    try:
        require_commands(*way.commands(), *CALLED, packages=packages)
    except LabError as error:
        problems.append(str(error))
    if problems:
        raise LabError("; ".join(problems))


def _way() -> ways.Way:
    return ways.here(LabDirectory.default().path.parent)


def _python_packages() -> list[str]:
    """Return the package that a Debian's Python lacks to make an environment."""
    return [] if importlib.util.find_spec("ensurepip") else ["python3-venv"]


def _keyring_packages(found: list[sources.Source]) -> list[str]:
    """Return the package that brings Debian's keys, where they are needed and not there: on Ubuntu, for one."""
    needed = any(source.signed_by == sources.KEYRING for source in found)
    return ["debian-archive-keyring"] if needed and not Path(sources.KEYRING).exists() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else ""))

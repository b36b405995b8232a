"""Which tests this computer can run: those on machines in namespaces, those on an emulated one, neither.

It is tried, once in a run, and only where a test asks for a machine.
"""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from homeport.errors import LabError
from homeport.lab import ways

# The fixtures that tell what a test needs: machines in namespaces, or the namespaces themselves (a browser's sandbox).
IN_NAMESPACES = frozenset({"lab", "own_lab", "namespaces"})
EMULATED = frozenset({"emulating_lab"})


@functools.cache
def refusal() -> str:
    """Return why there are no machines in namespaces here, an empty string where there are."""
    try:
        way = ways.here(Path(tempfile.gettempdir()))
    except LabError as error:
        return str(error)
    return "" if way.name == "nspawn" else way.refused["nspawn"] or way.reason


@functools.cache
def own_network() -> tuple[str, ...]:
    """Return the words before a command that leave it nothing but a loopback device; none where that is refused."""
    words = ("unshare", "--net")
    try:
        done = subprocess.run([*words, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return ()
    return words if done.returncode == 0 else ()


@functools.cache
def systemd_verifies() -> bool:
    """Tell whether `systemd-analyze verify` works here, which may have to write to /run: it passes a right unit."""
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder) / "homeport-try.service"
        unit.write_text("[Service]\nExecStart=/bin/true\n")
        try:
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, check=False)
        except FileNotFoundError:
            return False
    return done.returncode == 0


@functools.cache
def gives_files_away() -> bool:
    """Tell whether we may make a file another user's."""
    with tempfile.NamedTemporaryFile() as file:
        try:
            os.chown(file.name, 1, 1)
        except OSError:
            return False
    return True


def left_out(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests that this computer cannot run; or need not, since it runs them on machines in namespaces."""
    asking = {item: set(getattr(item, "fixturenames", ())) for item in items}
    if not any(names & (IN_NAMESPACES | EMULATED) for names in asking.values()):
        return []
    not_here = IN_NAMESPACES if refusal() else EMULATED
    return [item for item, names in asking.items() if names & not_here]


def line(number: int) -> str:
    """Return what the run's end says of so many tests that were left out."""
    kind = "lab test was" if number == 1 else "lab tests were"
    return f"{number} {kind} left out: no machines in namespaces here ({refusal()})"

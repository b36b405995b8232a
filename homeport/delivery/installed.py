"""Which files make up the program that is installed on a host. Runs on the controller."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable

from homeport.host.system.layout import PROGRAM_DIRECTORY

SOURCE, PACKAGE = "homeport.host", "hostprogram"
LAUNCHER_NAME = "homeport-host"
# -I: neither the caller's PYTHON* variables nor its folder decide what runs as root. -B: bytecode is made
# once, as the files are delivered, and on the disk before it is used; never in passing.
LAUNCHER = f"""#!/usr/bin/python3 -IB
# Written by homeport: its program on this host.
import sys

sys.path.insert(0, "{PROGRAM_DIRECTORY}")
from {PACKAGE}.main import main

sys.exit(main())
"""


def files() -> dict[str, str]:
    """Return the program's files: path below /usr/local/lib/homeport -> content, in the order to put them in place.

    The launcher, the only name without `.py`, must be executable. Its first module comes last: until then a
    caller gets the program that was there before.
    """
    modules = {**dict(_modules(package_files(SOURCE), "")), "__init__.py": ""}
    order = sorted(modules, key=lambda name: (name == "main.py", name))
    return {**{f"{PACKAGE}/{name}": modules[name] for name in order}, LAUNCHER_NAME: LAUNCHER}


def _modules(folder: Traversable, below: str) -> Iterator[tuple[str, str]]:
    """Yield path, from the program's folder on, and text of each module in `folder` and in the folders in it."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _modules(entry, f"{below}{entry.name}/")
        elif entry.name.endswith(".py"):
            yield f"{below}{entry.name}", entry.read_text()

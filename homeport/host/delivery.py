"""Which files make up the program on a host. Runs on the controller; it is not put on hosts itself."""

from __future__ import annotations

from importlib.resources import files as package_files

from .layout import PROGRAM_DIRECTORY

PACKAGE = "hostprogram"
LAUNCHER_NAME = "homeport-host"
NOT_ON_HOSTS = ("__init__.py", "delivery.py")
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
    """Return the program's files: path below /usr/local/lib/homeport -> content.

    The launcher, the only name without `.py`, must be executable.
    """
    modules = {
        entry.name: entry.read_text()
        for entry in package_files(__package__).iterdir()
        if entry.name.endswith(".py") and entry.name not in NOT_ON_HOSTS
    }
    program = {f"{PACKAGE}/{name}": modules[name] for name in sorted(modules)}
    return {LAUNCHER_NAME: LAUNCHER, f"{PACKAGE}/__init__.py": "", **program}

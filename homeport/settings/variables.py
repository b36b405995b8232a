"""The application's variables: which names and values systemd's environment files and root's programs bear. Pure."""

from __future__ import annotations

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator

from homeport.settings.types import TextList

EnvironmentName = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
# Names that homeport itself gives to the application.
RESERVED_ENVIRONMENT = ("HOMEPORT_", "STATE_DIRECTORY")
# execve(2): MAX_ARG_STRLEN, 32 pages, the terminating zero included. A unit with a longer one does not start.
LONGEST_VARIABLE_BYTES = 128 * 1024
# ld.so(8): what the dynamic linker loads into every program, also the one that a unit asks, as root, whether it may
# start (templates/systemd/condition.conf): never from where the application may write.
LIBRARY_VARIABLES = ("LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT")
LIBRARY_FOLDERS = ("/usr/", "/lib", "/opt/", "/srv/")


def check_variable(name: str, content: str) -> None:
    """Raise ValueError, without the content, when a variable cannot stand in a systemd environment file."""
    if not EnvironmentName.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid name of an environment variable")
    if name.startswith(RESERVED_ENVIRONMENT):
        raise ValueError(f"{name} is set by homeport itself")
    if "\0" in content:
        raise ValueError(f"the value of {name} contains a zero byte, which no variable can hold")
    if name in LIBRARY_VARIABLES:
        _check_libraries(name, content)
    if len(f"{name}={content}".encode()) >= LONGEST_VARIABLE_BYTES:
        raise ValueError(f"{name} is longer than the {LONGEST_VARIABLE_BYTES // 1024} KB that Linux allows")


def _check_libraries(name: str, content: str) -> None:
    for path in re.split(r"[:; ]", content):
        # A relative path starts in the release's folder.
        if not posixpath.normpath(posixpath.join("/srv/APP/slots/SLOT", path)).startswith(LIBRARY_FOLDERS):
            folders = ", ".join(folder.rstrip("/") for folder in LIBRARY_FOLDERS)
            raise ValueError(
                f"{name} names a file outside {folders}, and root must not load a file that the application can write"
            )


def variable_names(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of variables, each once; raise ValueError for one that cannot be given to the application."""
    for number, name in enumerate(value, 1):
        # The text may be a secret value that stands in the place of a name: it must not be in a log.
        if not EnvironmentName.fullmatch(name):
            raise ValueError(f"item {number} is not a valid name of an environment variable")
        check_variable(name, "")
    return tuple(dict.fromkeys(value))


Variables = Annotated[TextList, AfterValidator(variable_names)]

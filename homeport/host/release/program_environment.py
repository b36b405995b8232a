"""The variables of a process that supervisord runs: those that systemd would give it, and no others."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping

from ..system.layout import Layout

# A line of an environment file, as homeport writes them: quoted, with line breaks as they are, or plain.
LINE = re.compile(r'^(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^"\n]*))$', re.M | re.S)


def variables(layout: Layout, slot: str, given: Mapping[str, str], user: pwd.struct_passwd) -> dict[str, str]:
    """Return the variables of a process in the slot: `given`, the release's, the slot's, and those of its user."""
    found = {"HOME": user.pw_dir, "LOGNAME": user.pw_name, "USER": user.pw_name, "SHELL": user.pw_shell}
    found |= {"LANG": os.environ["LANG"]} if "LANG" in os.environ else {}
    found |= {"STATE_DIRECTORY": str(layout.state)}
    found |= {name: placed(value, {"@SLOT@": slot}) for name, value in given.items()}
    for path in (layout.links(slot)[1] / "env", layout.settings / f"{slot}.env"):
        found |= parse(path.read_text())
    return found


def parse(text: str) -> dict[str, str]:
    """Return the variables of an environment file of homeport's (`service/environment.py` writes it)."""
    return {
        found[1]: re.sub(r"\\(.)", r"\1", found[2], flags=re.S) if found[2] is not None else found[3]
        for found in LINE.finditer(text)
    }


def placed(text: str, places: Mapping[str, str]) -> str:
    """Return a text with what stands for the slot and its port replaced."""
    for mark, value in places.items():
        text = text.replace(mark, value)
    return text

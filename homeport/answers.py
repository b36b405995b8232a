"""What a host's answer is among all that it prints, and what a host that gives none has to say of it. Pure.

Login shells, sudo and PAM may print before a command does, and after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

# Stands at the beginning of a line, right before the answer. `scripts/lock.sh` prints it too.
MARK = "homeport-answer:"
LOG_IN = "log in as root, or as a user that has sudo without a password"
LOOK = "see: homeport doctor"
NOBODY_TO_ASK = ("sudo wants a password, and nobody can be asked for it here", LOG_IN)
# What stands in the output of a command that failed, the problem that it shows, and what to do.
SIGNS = (
    ("invalid choice: ", "the homeport on the host is older than this command", "deploy once with this one"),
    ("a password is required", *NOBODY_TO_ASK),
    ("interactive authentication is required", *NOBODY_TO_ASK),
    # csh and tcsh end a quoted word with its line.
    (
        "Unmatched '",
        "the login shell there is csh or tcsh, which takes no commands of several lines",
        "give that user another one there (chsh -s /bin/bash USER), or log in as another",
    ),
    ("homeport-host: not found", "there is no homeport on the host yet", "deploy to it first"),
    ("homeport-host: No such file", "there is no homeport on the host yet", "deploy to it first"),
)


def marked(command: str) -> str:
    """Return the shell command that prints the mark, and then what `command` prints, with its status."""
    # A line of others may have no end.
    return f"printf '\\n{MARK}'; {command}"


def after_mark(lines: Sequence[str]) -> list[str]:
    """Return the lines of an answer; raise ValueError when there is none."""
    for number, line in enumerate(lines):
        if line.startswith(MARK):
            return [line.removeprefix(MARK), *lines[number + 1 :]]
    raise ValueError("nothing of what the host printed is an answer")


def document(lines: Sequence[str]) -> Any:
    """Return the JSON that an answer is, whatever comes after it; raise ValueError when it is none."""
    return json.JSONDecoder().raw_decode("\n".join(after_mark(lines)).lstrip())[0]


def why(status: int, errors: Iterable[str], lines: Iterable[str]) -> tuple[str, str]:
    """Return why a command failed (its exit status, stderr and stdout are given), and what to do about it."""
    said = [line.strip() for line in (*lines, *errors) if line.strip() and not line.startswith(MARK)]
    for sign, problem, fix in SIGNS:
        if any(sign in line for line in said):
            return problem, fix
    if not said:
        return f"the command ended with status {status}, and printed nothing", LOOK
    # Others may have complained before.
    own = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    last = [*said, *own][-1]
    return last, LOG_IN if last.startswith("sudo") else LOOK

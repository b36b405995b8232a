"""Finds a host's answer in its output, and the reason when there is no answer. Pure.

Login shells, sudo and PAM may print before a command does, and after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

# Stands at the beginning of a line, right before the answer. `scripts/lock.sh` prints it too.
MARK = "homeport-answer:"
LOG_IN = "log in as root, or as a user that has sudo without a password, or set _sudo_password in the host's data"
LOOK = "see: homeport doctor"
NOBODY_TO_ASK = ("sudo asks for a password, and homeport cannot ask you for it", LOG_IN)
# Stands before a command of several lines. csh and tcsh end a quoted word with its line, complain, and run the next
# line by itself: pieces of a script, as whoever logs in. They alone have a variable `shell` of their own accord.
CSH = "homeport: csh"
# `exit` would not keep them from the rest.
GUARD = f"""test "$shell" != '' && test "$shell" = "$SHELL" && echo '{CSH}' && exec sh -c 'exit 71'"""
# A text in the output of a failed command, the problem that it shows, and the fix.
LOGIN_SIGNS = (
    ("a password is required", *NOBODY_TO_ASK),
    ("interactive authentication is required", *NOBODY_TO_ASK),
    (
        CSH,
        "the login shell there is csh or tcsh, which does not accept commands of several lines",
        "give that user another shell there (chsh -s /bin/bash USER), or log in as another",
    ),
)
SIGNS = (
    ("invalid choice: ", "the homeport on the host is older than this command", "deploy once with this one"),
    *LOGIN_SIGNS,
    ("homeport-host: not found", "there is no homeport on the host yet", "deploy to it first"),
    ("homeport-host: No such file", "there is no homeport on the host yet", "deploy to it first"),
)


def marked(command: str) -> str:
    """Return the shell command that prints the mark, and then what `command` prints, with its status."""
    # A line of others may have no end.
    return f"printf '\\n{MARK}'; {command}"


def guarded(line: str) -> str:
    """Return the line for the login's shell such that a csh runs all of it or, where it cannot, nothing."""
    return f"{GUARD}\n{line}" if "\n" in line else line


def after_mark(lines: Sequence[str]) -> list[str]:
    """Return the lines of an answer; raise ValueError when there is none."""
    for number, line in enumerate(lines):
        if line.startswith(MARK):
            return [line.removeprefix(MARK), *lines[number + 1 :]]
    raise ValueError("the host's output contains no answer")


def document(lines: Sequence[str]) -> Any:
    """Return the JSON that an answer is, whatever comes after it; raise ValueError when it is not one."""
    return json.JSONDecoder().raw_decode("\n".join(after_mark(lines)).lstrip())[0]


class MarkedOutput:
    """Gives of a stream what stands between the first two marks; all of it when it ends without one.

    The mark is one that nothing else in the stream is like.
    """

    def __init__(self, mark: bytes):
        self._mark, self._held, self._seen = mark, b"", 0

    def take(self, data: bytes) -> bytes:
        """Return what is known to stand between them, with `data` being what comes next."""
        self._held += data
        if self._seen == 0 and self._mark in self._held:
            self._held, self._seen = self._held.partition(self._mark)[2], 1
        if self._seen != 1:
            return b""
        given, found, _ = self._held.partition(self._mark)
        if found:
            self._held, self._seen = b"", 2
            return given
        # The second one may have begun.
        begun = next((n for n in range(len(self._mark) - 1, 0, -1) if self._held.endswith(self._mark[:n])), 0)
        given, self._held = self._held[: len(self._held) - begun], self._held[len(self._held) - begun :]
        return given

    def end(self) -> bytes:
        """Return what is left when the stream has ended."""
        return b"" if self._seen == 2 else self._held


def known(lines: Iterable[str], signs: Sequence[tuple[str, str, str]] = LOGIN_SIGNS) -> tuple[str, str] | None:
    """Return the problem that lines of a command's output are a sign of, and what to do; None when they are of none."""
    said = list(lines)
    return next(((problem, fix) for sign, problem, fix in signs if any(sign in line for line in said)), None)


def explain_failure(status: int, errors: Iterable[str], lines: Iterable[str]) -> tuple[str, str]:
    """Return why a command failed (its exit status, stderr and stdout are given), and what to do about it."""
    said = [line.strip() for line in (*lines, *errors) if line.strip() and not line.startswith(MARK)]
    if found := known(said, SIGNS):
        return found
    if not said:
        return f"the command ended with status {status}, and printed nothing", LOOK
    # Others may have complained before.
    own = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    last = [*said, *own][-1]
    return last, LOG_IN if last.startswith("sudo") else LOOK

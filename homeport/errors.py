"""Every error that homeport raises on purpose, and the exit status that goes with it.

An error is one line: which host, which key, what is wrong, what to do. A traceback is kept for our own defects.
"""

from __future__ import annotations

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CHANGES = 3
EXIT_HELD = 4
EXIT_INTERRUPTED = 130


class HomeportError(Exception):
    """The root of all errors that a user may see; `str()` of it is the line that is shown.

    Takes the problem, and optionally the host and key that it is about and the fix. All are plain text without secrets.
    """

    exit_status = EXIT_FAILED

    def __init__(self, problem: str, *, host: str | None = None, key: str | None = None, fix: str | None = None):
        self.problem = problem
        self.host = host
        self.key = key
        self.fix = fix
        super().__init__(self.line())

    def line(self) -> str:
        """Return the whole error as one line: `host: key: problem; fix`."""
        where = "".join(f"{part}: " for part in (self.host, self.key) if part)
        return " ".join(f"{where}{self.problem}{f'; {self.fix}' if self.fix else ''}".split())


def in_one_line(error: BaseException) -> str:
    """Return the message of a foreign exception on one line; its type where it has none (such as EOFError)."""
    return " ".join(str(error).split()) or type(error).__name__


class UsageError(HomeportError):
    """The command line or the settings are wrong; nothing was connected to and nothing was changed."""

    exit_status = EXIT_USAGE


class HeldError(HomeportError):
    """Somebody else deploys to the host, or holds it by hand; nothing was changed by us."""

    exit_status = EXIT_HELD


class LabError(HomeportError):
    """The lab could not do what was asked: something that the machine lacks, or a host that did not come up."""

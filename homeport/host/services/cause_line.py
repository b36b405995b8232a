"""Which of the last lines that a program wrote names why it failed. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What Gunicorn's manager ends a traceback of its own with, where two workers could not start at once: it raises this
# while it handles the same (gunicorn/arbiter.py).
MANAGER_ENDS = "gunicorn.errors.HaltServer: "
# Lines after the cause that do not name it: the rest of a message of several lines, SQLAlchemy's link, statement
# and parameters (sqlalchemy/exc.py), and what Uvicorn and Gunicorn close with.
_ADDENDUM = re.compile(
    r"\s|\(Background on this error at:|\[(?:SQL|parameters|generated in|cached since)\b|\[[^]]*\] \[\d+\] \[\w+\] "
    r"|ERROR: +Application startup failed|INFO: "
    r"|Traceback \(most recent call last\):|During handling of the above exception|" + re.escape(MANAGER_ENDS)
)


def cause_line(lines: Sequence[str]) -> str:
    """Return the line that names the cause: the last one that is no addendum; the last where all are, "" of none."""
    return next((line for line in reversed(lines) if line and not _ADDENDUM.match(line)), lines[-1] if lines else "")

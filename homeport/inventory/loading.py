"""Makes an inventory, with its group data, so that what is wrong with these files is one line.

Both are programs of the user's: whatever they raise is a mistake in them, or in what they find on this machine. pyinfra
shows tracebacks of its own for that.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from homeport.errors import HomeportError, UsageError

# pyinfra's function that runs each of these files, whose name it has in a variable of this name.
RUNS_FILE, FILE_VARIABLE = "exec_file", "filename"


def load_inventory(make: Callable[..., Any], inventory: str, **options: Any) -> Any:
    """Return what pyinfra's `make` makes of an inventory; raise UsageError, with file and line, when it cannot.

    An error that homeport itself raised in these files stays what it is.
    """
    try:
        return make(inventory, **options)
    except Exception as error:
        # pyinfra wraps some, and its wrapping says nothing.
        cause = getattr(error, "exception", error)
        raise cause if isinstance(cause, HomeportError) else _raised_in_one_line(cause, inventory) from None


def _raised_in_one_line(error: Exception, inventory: str) -> UsageError:
    if isinstance(error, SyntaxError) and Path(error.filename or "").is_file():
        place, said = _place(str(error.filename), error.lineno), error.msg
    else:
        place, said = _raised_at(error.__traceback__) or inventory, str(error)
    problem = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return UsageError(problem, key=place, fix=_fix(error))


def _raised_at(trace: TracebackType | None) -> str:
    """Return the project's own line that led to the error, else the file that was being read; "" for none."""
    steps = [(frame, line) for frame, line in traceback.walk_tb(trace)]
    for frame, line in reversed(steps):
        if _is_own(frame.f_code.co_filename):
            return _place(frame.f_code.co_filename, line)
    read = (frame.f_locals.get(FILE_VARIABLE) for frame, _ in reversed(steps) if frame.f_code.co_name == RUNS_FILE)
    return next((_place(str(one), None) for one in read if one), "")


def _is_own(file: str) -> bool:
    path = Path(file).absolute()
    return path.is_relative_to(Path.cwd()) and "site-packages" not in path.parts and path.is_file()


def _place(file: str, line: int | None) -> str:
    path, here = Path(file).absolute(), Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return f"{shown}:{line}" if line else str(shown)


def _fix(error: Exception) -> str | None:
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return f"install {package} where homeport is installed, or correct the name"
    if isinstance(error, KeyError) and _is_of_environment(error.__traceback__):
        return "set that variable in the environment"
    return None


def _is_of_environment(trace: TracebackType | None) -> bool:
    steps = list(traceback.walk_tb(trace))
    return bool(steps) and steps[-1][0].f_code is type(os.environ).__getitem__.__code__

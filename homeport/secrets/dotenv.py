"""The lines of a secrets file: NAME=value, as dotenv has it. No value ever enters a message.

A line that is not understood is named by its number alone: it may well be a piece of a secret (a private key over
several lines, say), and so may be what stands before its `=`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from io import StringIO

from dotenv.parser import Binding, parse_stream

from homeport.errors import UsageError
from homeport.settings.variables import EnvironmentName, check_variable

# As python-dotenv and Docker Compose write it.
INTERPOLATED = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(:?[-+?][^}]*)?\}")
QUOTED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def variables(text: str, *, elsewhere: Collection[str] = ()) -> dict[str, str]:
    """Return the variables that `text` sets; raise UsageError for a line that sets none, or one that is set already.

    `elsewhere` are the names that the settings give a value to.
    """
    found: dict[str, str] = {}
    for line, name, value in _assignments(text):
        if name in found or name in elsewhere:
            problem = f"line {line} sets {name} again" if name in found else f"{name} is also in the settings"
            raise UsageError(problem, fix="keep it in one place")
        found[name] = value
    return found


def uninterpolated(values: Mapping[str, str]) -> list[str]:
    """Return the names of the variables whose value has a `${NAME}`, which other readers of such files put in.

    Here it stays as it is: what stands in a variable depends on nothing of the machine that deploys.
    """
    return [name for name, value in values.items() if INTERPOLATED.search(value)]


def replaced(text: str, name: str, value: str) -> str:
    """Return `text` with the variable `name` set to `value`, everything else as it was.

    Raises UsageError, without the value, when it cannot be written such that it is read back as it is.
    """
    wanted = {**variables(text), name: value}
    for written in (f"'{value}'", '"' + "".join(QUOTED.get(one, one) for one in value) + '"'):
        changed = _with_line(text, name, f"{name}={written}\n")
        if _reads_as(changed, wanted):
            return changed
    raise UsageError("this value cannot be written as one line", key=name)


def _with_line(text: str, name: str, line: str) -> str:
    parts, is_there = [], False
    for binding in parse_stream(StringIO(text)):
        part = binding.original.string
        if binding.key == name:
            # dotenv counts the empty lines before an assignment in.
            part, is_there = part[: len(part) - len(part.lstrip())] + line, True
        parts.append(part)
    if not is_there:
        parts += ["" if not text or text.endswith("\n") else "\n", line]
    return "".join(parts)


def _reads_as(text: str, wanted: dict[str, str]) -> bool:
    try:
        return variables(text) == wanted
    except UsageError:
        return False


def _assignments(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, name and value of each variable that the text sets, in its order."""
    for binding in parse_stream(StringIO(text)):
        if binding.key is None and not binding.error:
            continue
        line = _line(binding)
        if binding.key is None or binding.value is None or not EnvironmentName.fullmatch(binding.key):
            fix = 'write a value of several lines in one line, as NAME="first\\nsecond"'
            raise UsageError(f"line {line} is not NAME=value", fix=fix)
        try:
            check_variable(binding.key, binding.value)
        except ValueError as error:
            raise UsageError(f"line {line}: {error}", fix="correct that line") from None
        yield line, binding.key, binding.value


def _line(binding: Binding) -> int:
    """Return the line on which the assignment begins; dotenv counts the empty lines before it in."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")

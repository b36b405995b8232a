"""The secrets file: NAME=value lines on this machine. Its values never enter a message.

A line that is not understood is named by its number alone: it may well be a piece of a secret (a private key over
several lines, say), and so may be what stands before its `=`.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from homeport.errors import UsageError
from homeport.settings.model import Settings
from homeport.settings.types import EnvironmentName, check_variable


def load_secrets(settings: Settings, project: Path, host: str | None = None) -> dict[str, str]:
    """Read the variables of `settings.secrets_file` (relative to `project`); raise UsageError without any value."""
    if not settings.secrets_file:
        return {}
    path = project / settings.secrets_file
    found: dict[str, str] = {}
    for line, name, value in _assignments(_text(path, host), host):
        if name in found or name in settings.environment:
            problem = f"line {line} sets {name} again" if name in found else f"{name} is also in `environment`"
            raise _error(problem, host, "keep it in one place")
        found[name] = value
    return found


def _text(path: Path, host: str | None) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise _error(f"{path} cannot be read", host, "write it as NAME=value lines, in UTF-8") from None


def _assignments(text: str, host: str | None) -> Iterator[tuple[int, str, str]]:
    """Yield line number, name and value of each variable that the file sets, in its order."""
    for binding in parse_stream(StringIO(text)):
        if binding.key is None and not binding.error:
            continue
        line = _line(binding)
        if binding.key is None or binding.value is None or not EnvironmentName.fullmatch(binding.key):
            raise _error(
                f"line {line} is not NAME=value",
                host,
                'a value of several lines stands in one, as NAME="first\\nsecond"',
            )
        try:
            check_variable(binding.key, binding.value)
        except ValueError as error:
            raise _error(f"line {line}: {error}", host, "mend that line") from None
        yield line, binding.key, binding.value


def _line(binding: Binding) -> int:
    """Return the line on which the assignment begins; dotenv counts the empty lines before it in."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _error(problem: str, host: str | None, fix: str) -> UsageError:
    return UsageError(problem, host=host, key="secrets_file", fix=fix)

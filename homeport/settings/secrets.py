"""The secrets file: NAME=value lines on this machine. Its values never enter a message."""

from __future__ import annotations

from pathlib import Path

from dotenv import dotenv_values

from homeport.errors import UsageError
from homeport.settings.model import Settings, check_variable


def load_secrets(settings: Settings, project: Path, host: str | None = None) -> dict[str, str]:
    """Read the variables of `settings.secrets_file` (relative to `project`); raise UsageError without any value."""
    if not settings.secrets_file:
        return {}
    path = project / settings.secrets_file
    try:
        found = dotenv_values(path, interpolate=False) if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None:
        raise UsageError(
            f"{path} cannot be read", host=host, key="secrets_file", fix="write it as NAME=value lines, in UTF-8"
        )
    return {name: _checked(name, value, settings, host) for name, value in found.items()}


def _checked(name: str, value: str | None, settings: Settings, host: str | None) -> str:
    try:
        check_variable(name, value or "")
    except ValueError as error:
        raise UsageError(str(error), host=host, key="secrets_file", fix="mend that line") from None
    if value is None or name in settings.environment:
        problem = "has no value" if value is None else "is also in `environment`"
        raise UsageError(f"{name} {problem}", host=host, key="secrets_file", fix="keep it in one place, with a value")
    return value

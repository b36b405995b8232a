"""Settings from pyinfra's host data: all problems of all hosts at once, each in one line.

This is the only reader of host data. It opens no connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError

from homeport.errors import UsageError
from homeport.settings.model import Settings
from homeport.settings.previews import previewed
from homeport.settings.types import AppName, Domain

# Names in the same data that pyinfra and its connectors read, and a user's own variables.
FOREIGN = ("_", "ssh_", "x_", "prompted_", "docker_", "vagrant_")


# Read once for all hosts of an inventory, also of those whose settings nobody has checked.
_APP_NAME: TypeAdapter[str] = TypeAdapter(AppName)
_DOMAIN: TypeAdapter[str] = TypeAdapter(Domain)


@dataclass(frozen=True)
class CommandOptions:
    """Arguments of a command that are no settings: `homeport` gives pyinfra data whose names begin with `_`."""

    new_slot: bool = False
    closed: bool = False
    message: str = ""
    with_data: bool = False
    with_machine: bool = False


class SettingsError(UsageError):
    """One or more settings are wrong; `problems` has one error for each."""

    def __init__(self, problems: tuple[UsageError, ...]):
        self.problems = problems
        super().__init__("\n".join(problem.line() for problem in problems))

    def line(self) -> str:
        """Return one line for each problem."""
        return "\n".join(problem.line() for problem in self.problems)


def load(data: Mapping[str, Any], host: str) -> Settings:
    """Return the settings of `host` from its pyinfra data; raise SettingsError with every problem that there is.

    With `preview` they are those of that preview.
    """
    ours = {key: value for key, value in data.items() if not key.startswith(FOREIGN)}
    if "app_name" not in ours and "domain" not in ours and not set(ours) & set(Settings.model_fields):
        raise SettingsError((_nothing_loaded(host),))
    problems = [_unknown(host, key) for key in sorted(set(ours) - set(Settings.model_fields))]
    known = {key: value for key, value in ours.items() if key in Settings.model_fields}
    try:
        settings = Settings(**known)
        if settings.preview:
            settings = Settings(**previewed(known, settings, host))
    except ValidationError as error:
        problems += _invalid(host, error)
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def application_of(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return the application and the domain of a host as `load` would have them; as they stand where they are wrong."""
    return _as_setting(_APP_NAME, data.get("app_name")), _as_setting(_DOMAIN, data.get("domain"))


def command_options(data: Mapping[str, Any]) -> CommandOptions:
    """Return what a command asks of a host with this pyinfra data, besides what its settings say."""
    return CommandOptions(
        new_slot=bool(data.get("_new_slot")),
        closed=bool(data.get("_closed")),
        message=str(data.get("_message") or ""),
        with_data=bool(data.get("_with_data")),
        with_machine=bool(data.get("_with_machine")),
    )


def _as_setting(kind: TypeAdapter[str], value: object) -> str:
    try:
        return kind.validate_python(value)
    except ValidationError:
        return str(value)


def _nothing_loaded(host: str) -> UsageError:
    return UsageError(
        "no settings were found for this host",
        host=host,
        key="group_data",
        fix="run pyinfra in the project's folder, beside group_data/",
    )


def _unknown(host: str, key: str) -> UsageError:
    near = get_close_matches(key, Settings.model_fields, n=1)
    fix = (
        f"did you mean '{near[0]}'?"
        if near
        else "see docs/settings.md; a variable of your own needs a name that begins with x_"
    )
    return UsageError("unknown setting", host=host, key=key, fix=fix)


def _invalid(host: str, error: ValidationError) -> list[UsageError]:
    """Turn pydantic's errors into ours: one for each key, without the value, which may be a secret."""
    messages: dict[str, list[str]] = {}
    for entry in error.errors(include_input=False, include_url=False, include_context=False):
        key = _key(entry["loc"])
        text = entry["msg"].removeprefix("Value error, ")
        messages.setdefault(key, []).append(text[:1].lower() + text[1:])
    return [
        UsageError(" or ".join(dict.fromkeys(texts)), host=host, key=key, fix=_fix(key))
        for key, texts in messages.items()
    ]


def _key(place: tuple[int | str, ...]) -> str:
    """Name the setting, or the variable within `environment`; a value is never part of `place`."""
    if not place:
        return "settings"
    return ".".join(map(str, place[:2] if place[0] == "environment" else place[:1]))


def _fix(key: str) -> str:
    field = Settings.model_fields.get(key.partition(".")[0])
    return f"it is: {field.description}" if field else "see docs/settings.md"

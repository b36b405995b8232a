"""The secrets of a run: those of the secrets file and those of named environment variables of this machine.

Those that only the installation of the dependencies is given, or the proxy, are kept apart from the application's.

They are kept in memory alone here. Their values never enter a message.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from homeport.errors import UsageError
from homeport.secrets.dotenv import variables
from homeport.secrets.encryption import decrypt, is_encrypted
from homeport.secrets.passwords import password_problem
from homeport.settings.model import Settings
from homeport.settings.variables import check_variable


class Secrets(NamedTuple):
    """Secret variables by name: those of the application, those of the installation of its dependencies alone, and
    those of the proxy alone (passwords of `basic_auth`)."""

    application: dict[str, str]
    installation: dict[str, str]
    proxy: dict[str, str]


def load_secrets(
    settings: Settings, project: Path, host: str | None = None, environment: Mapping[str, str] = os.environ
) -> Secrets:
    """Return the secret variables of `settings`; its file is relative to `project`, `environment` is this process's.

    Raises UsageError, without any value, when the file cannot be read, or a named variable is not there.
    """
    application = _of_application(settings, project, host, environment)
    installation = _apart("install_secrets", settings.install_secrets, application, host, environment)
    names = tuple(dict.fromkeys(settings.basic_auth.values()))
    proxy = _apart("basic_auth", names, application, host, environment)
    for name, value in proxy.items():
        if problem := password_problem(value):
            raise UsageError(f"{name} {problem}", host=host, key="basic_auth", fix="make another password")
    return Secrets(application, installation, proxy)


def _apart(
    key: str, names: tuple[str, ...], application: dict[str, str], host: str | None, environment: Mapping[str, str]
) -> dict[str, str]:
    """Take the variables `names` of the setting `key` from the application's; those not there are this process's."""
    found = {name: application.pop(name) for name in names if name in application}
    return found | _named(key, tuple(name for name in names if name not in found), host, environment)


def _of_application(
    settings: Settings, project: Path, host: str | None, environment: Mapping[str, str]
) -> dict[str, str]:
    named = _named("secrets_from_environment", settings.secrets_from_environment, host, environment)
    if not settings.secrets_file:
        return named
    try:
        text = read_secrets(project / settings.secrets_file)
        return {**variables(text, elsewhere={*settings.environment, *named}), **named}
    except UsageError as error:
        key = f"secrets_file: {error.key}" if error.key else "secrets_file"
        raise UsageError(error.problem, host=host, key=key, fix=error.fix) from None


def read_secrets(path: Path) -> str:
    """Return the text of a secrets file, decrypted if it is encrypted; raise UsageError when that cannot be."""
    try:
        data = path.read_bytes()
        return (decrypt(data, path) if is_encrypted(data) else data).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{path} cannot be read", fix="write it as NAME=value lines, in UTF-8") from None


def _named(key: str, names: tuple[str, ...], host: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables `names` of this process, which the setting `key` asks for."""
    # A pipeline gives an empty variable for a secret that it does not have.
    missing = [name for name in names if not environment.get(name)]
    if missing:
        fix = "give it to the job that deploys"
        problem = f"{', '.join(missing)} is not set, or empty, in the environment of this command"
        raise UsageError(problem, host=host, key=key, fix=fix)
    found = {name: environment[name] for name in names}
    for name, value in found.items():
        try:
            check_variable(name, value)
        except ValueError as error:
            raise UsageError(str(error), host=host, key=key) from None
    return found

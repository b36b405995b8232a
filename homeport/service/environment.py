"""How variables are written for systemd's EnvironmentFile=."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

# systemd.exec(5): within double quotes a backslash escapes these four and itself is escaped by doubling.
ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "`": "\\`", "$": "\\$"})


def environment_file(variables: Mapping[str, str]) -> str:
    """Return the content of an environment file: NAME="value" one after the other, sorted by name.

    A value may have line breaks: within double quotes systemd takes them as they are.
    """
    return "".join(f'{name}="{value.translate(ESCAPED)}"\n' for name, value in sorted(variables.items()))


def install_environment(environment: str) -> dict[str, str]:
    """Return the variables with which `Dependencies.install` fills the virtual environment at the path `environment`.

    UV_PYTHON keeps `uv sync` from replacing the environment by another one when the application's `.python-version` or
    `requires-python` asks for a Python that the environment does not have: it fails instead (measured with uv 0.13).
    """
    return {
        "VIRTUAL_ENV": environment,
        "UV_PROJECT_ENVIRONMENT": environment,
        "UV_PYTHON": posixpath.join(environment, "bin/python"),
        "UV_PYTHON_DOWNLOADS": "never",
    }

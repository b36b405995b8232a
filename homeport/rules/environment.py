"""How variables are written for systemd's EnvironmentFile=."""

from __future__ import annotations

from collections.abc import Mapping

# systemd.exec(5): within double quotes a backslash escapes these four and itself is escaped by doubling.
ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "`": "\\`", "$": "\\$"})


def environment_file(variables: Mapping[str, str]) -> str:
    """Return the content of an environment file: NAME="value" one after the other, sorted by name.

    A value may have line breaks: within double quotes systemd takes them as they are.
    """
    return "".join(f'{name}="{value.translate(ESCAPED)}"\n' for name, value in sorted(variables.items()))

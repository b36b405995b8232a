"""How variables are written for systemd's EnvironmentFile=."""

from __future__ import annotations

from collections.abc import Mapping

# systemd.exec(5): within double quotes a backslash escapes these four and itself is escaped by doubling.
ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "`": "\\`", "$": "\\$"})


def environment_file(variables: Mapping[str, str]) -> str:
    """Return the content of an environment file: one NAME="value" a line, sorted by name; values without line breaks."""
    return "".join(f'{name}="{value.translate(ESCAPED)}"\n' for name, value in sorted(variables.items()))

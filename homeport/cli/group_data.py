"""Settings that a command writes into the group data of an inventory."""

from __future__ import annotations

import ast
from pathlib import Path

from homeport.errors import UsageError


def write_down(place: Path, line: str, *, otherwise: str = "") -> None:
    """Put a setting's line into a file of group data, in the place of the old one.

    Raises UsageError if it cannot be; `otherwise` is what has been done all the same.
    """
    text = place.read_text() if place.exists() else ""
    lines = text.splitlines()
    name = line.partition(" ")[0]
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt) and name in _assigned(node)]
    if not found:
        lines.append(line)
    elif len(found) == 1 and found[0].col_offset == 0 and found[0].lineno == found[0].end_lineno:
        lines[found[0].lineno - 1] = line
    else:
        raise UsageError(
            f"{name} is not on a line of its own in this file",
            key=str(place),
            fix=f"{otherwise}write yourself: {line}",
        )
    place.parent.mkdir(exist_ok=True)
    place.write_text("".join(f"{one}\n" for one in lines))


def _assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [one.id for one in targets if isinstance(one, ast.Name)]

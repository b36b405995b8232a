"""The table "setting × ground" as a document, generated from `homeport.exports.engines.table`."""

from __future__ import annotations

from homeport.exports.engines.cells import ENGINES, Cell
from homeport.exports.engines.table import TABLE
from homeport.settings import Settings

HEAD = """\
# Settings on other grounds

Generated from `homeport/exports/engines/table.py` by `make reference`. [Other grounds](exports.md) says what each is.

*kept*: the setting is translated. *refused*: an export with another value than the default ends with an error that
names it. *no meaning*: nothing there follows from it.
"""


def markdown() -> str:
    """Return the text of docs/exports-settings.md."""
    lines = ["", f"| setting | {' | '.join(ENGINES)} |", f"|---|{'---|' * len(ENGINES)}"]
    for name in Settings.model_fields:
        cells = [_shown(TABLE[name][engine]) for engine in ENGINES]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


def _shown(cell: Cell) -> str:
    return f"*{cell.kind}*: {cell.words}"

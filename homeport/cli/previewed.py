"""Which branch a preview is of, as commands are told: `homeport preview`, and `--preview` of commands that look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from homeport.errors import UsageError

Command = Callable[..., Any]


def preview_option(command: Command) -> Command:
    """Add the option --preview, which has a command look at a preview instead of the application that it is of."""
    text = "Look at the preview of this branch instead of the application that it is of."
    return click.option("--preview", metavar="BRANCH", help=text)(command)


def data_of(preview: str | None) -> dict[str, object]:
    """Return the data of the hosts with which their settings are those of a preview; none where none is named.

    Raises UsageError for what no branch is called.
    """
    return {} if preview is None else {"preview": named(preview, key="--preview")}


def named(branch: str, until: str = "", *, key: str = "BRANCH") -> dict[str, str]:
    """Return the setting `preview`; raise UsageError for what no branch is called."""
    if not branch.strip() or branch.startswith("-") or not branch.isprintable() or " " in branch:
        raise UsageError(f"{branch!r} is not the name of a branch", key=key, fix="see git branch --all")
    return {"branch": branch, "until": until}

"""Which Python a new project asks for. Pure."""

from __future__ import annotations

from homeport.source.python_version import pinned_python, suggest


def find_python(pinned: str | None, required: str | None) -> str | None:
    """Return the `python_version` to set; None where every Debian's own Python will do.

    `pinned` is the text of .python-version, `required` is requires-python of pyproject.toml.
    """
    return pinned_python(pinned or "") or suggest(required or "")
